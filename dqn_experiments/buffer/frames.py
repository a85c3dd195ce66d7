"""Frames stored once: the newest ones of each environment, as they are or compressed."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import zstandard
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from dqn_experiments.errors import StateError
from dqn_experiments.state import State, matching

BLOCK = 16  # frames compressed together: 8 take up to twice the memory, 32 twice the time to read
LEVEL = 3  # of zstandard: 6 saves a tenth and takes three times as long
TYPICAL_RATIO = 143 / 7056  # compressed over raw on the median Atari game
BYTES_OBJECT = 57  # what Python, malloc and a list add to each block

Reading = Callable[[], Tensor]
"""Frames asked for; decoded when called, from what was stored when they were asked for."""


class FrameStore(ABC):
    """The newest `length` frames of each of N environments, each numbered from 0 as they came.

    The state of a store is the same whatever its class: blocks of `BLOCK` consecutive frames,
    compressed, the newest of each environment perhaps not full.
    """

    device = torch.device("cpu")
    """Where the frames lie."""

    def __init__(
        self, num_envs: int, length: int, shape: tuple[int, ...], dtype: DTypeLike
    ) -> None:
        self.count = np.zeros(num_envs, np.int64)
        """i64 [N]: frames appended so far."""
        self._length, self._shape, self._dtype = length, shape, np.dtype(dtype)
        self._torch_dtype = torch.from_numpy(np.empty(0, dtype)).dtype
        self._frame_nbytes = int(np.prod(shape)) * self._dtype.itemsize
        # screens match in long runs: to look for no short matches makes reading 5% faster
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL, source_size=BLOCK * self._frame_nbytes, min_match=7
        )
        self._compressor = zstandard.ZstdCompressor(compression_params=parameters)

    @abstractmethod
    def append(self, env: int, frame: NDArray[np.generic]) -> None:
        """Store the next frame of an environment."""

    @abstractmethod
    def read(self, env: NDArray[np.int64], number: NDArray[np.int64]) -> Reading:
        """Ask for frames [*B, *frame] by environment and number, both i64 [*B]."""

    @property
    def raw_nbytes(self) -> int:
        """Memory that a full store takes, or would take, uncompressed."""
        return len(self.count) * self._length * self._frame_nbytes

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Memory in use."""

    @property
    @abstractmethod
    def full_nbytes(self) -> int:
        """Memory in use once full, as far as can be told by now."""

    @abstractmethod
    def _pack(self, env: int, block: int, frames: int) -> bytes:
        """A block of so many frames, compressed."""

    @abstractmethod
    def _unpack(self, env: int, block: int, packed: bytes, frames: int) -> None:
        """Take in a block of so many frames."""

    def check(self) -> None:
        """Decode every block; raises StateError if one is damaged."""
        self._check(self._held(self.count), self.state_dict()["blocks"])

    def _check(self, held: list[tuple[int, int, int]], blocks: list[bytes]) -> None:
        for (env, block, frames), packed in zip(held, blocks, strict=True):
            try:
                self._decompress(packed, frames)
            except (zstandard.ZstdError, ValueError, TypeError) as error:
                where = f"block {block} of environment {env}"
                raise StateError(f"frames: {where} is damaged: {error}") from error

    def state_dict(self) -> State:
        """Everything: `count` and `blocks`, environment by environment, oldest first."""
        blocks = [self._pack(*held) for held in self._held(self.count)]
        return {"count": self.count.copy(), "blocks": blocks}

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave.

        Raises:
            StateError: if a block is missing or damaged; nothing is taken in then.
        """
        count, blocks = matching(state, "count", self.count), state.get("blocks")
        held = self._held(count)
        if not isinstance(blocks, list) or len(blocks) != len(held):
            raise StateError(f"blocks: {len(held)} blocks of frames expected")
        self._check(held, blocks)
        self.count[:] = count
        for (env, block, frames), packed in zip(held, blocks, strict=True):
            self._unpack(env, block, packed, frames)

    def _held(self, count: NDArray[np.int64]) -> list[tuple[int, int, int]]:
        """Environment, number and frames of every block that a stored frame lies in."""
        return [
            (env, block, min(BLOCK, total - block * BLOCK))
            for env, total in enumerate(count.tolist())
            for block in range(max(0, total - self._length) // BLOCK, -(-total // BLOCK))
        ]

    def _compress(self, frames: NDArray[np.generic]) -> bytes:
        packed = self._compressor.compress(np.ascontiguousarray(frames).data)
        return bytes(memoryview(packed))  # `packed` itself may sit in a buffer of the raw size

    def _decompress(self, packed: bytes, frames: int) -> NDArray[np.generic]:
        expected = frames * self._frame_nbytes
        if zstandard.frame_content_size(packed) != expected:  # before memory is given to it
            raise ValueError(f"it does not say that it holds {frames} frames")
        raw = zstandard.ZstdDecompressor().decompress(packed)
        return np.frombuffer(raw, self._dtype).reshape(frames, *self._shape)


class RawFrames(FrameStore):
    """Frames as they are, in the memory of the host or of a GPU."""

    def __init__(
        self,
        num_envs: int,
        length: int,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        device: torch.device,
    ) -> None:
        super().__init__(num_envs, length, shape, dtype)
        self._frames = torch.empty(
            (num_envs, length, *shape), dtype=self._torch_dtype, device=device
        )
        self.device = device

    def append(self, env: int, frame: NDArray[np.generic]) -> None:
        """Store the next frame of an environment."""
        self._write(env, int(self.count[env]) % self._length, frame)
        self.count[env] += 1

    def _write(self, env: int, slot: Any, frames: NDArray[np.generic]) -> None:
        if self.device.type == "cpu":
            self._frames.numpy()[env, slot] = frames  # a tenth of torch's time for one frame
        else:
            self._frames[env, slot] = torch.from_numpy(np.array(frames)).to(self.device)

    def read(self, env: NDArray[np.int64], number: NDArray[np.int64]) -> Reading:
        """Ask for frames; they are gathered at once, as they may be overwritten later."""
        row = torch.from_numpy((env * self._length + number % self._length).reshape(-1))
        flat = self._frames.flatten(0, 1).flatten(1)  # torch copies rows faster than planes
        frames = flat.index_select(0, row.to(self.device)).view(*number.shape, *self._shape)
        return lambda: frames

    @property
    def nbytes(self) -> int:
        """Memory in use; an operating system hands it out only as it is written to."""
        if self.device.type != "cpu":
            return self.raw_nbytes
        return int(np.minimum(self.count, self._length).sum()) * self._frame_nbytes

    @property
    def full_nbytes(self) -> int:
        """Memory in use once full."""
        return self.raw_nbytes

    def _pack(self, env: int, block: int, frames: int) -> bytes:
        number = block * BLOCK + np.arange(frames)
        oldest = max(0, int(self.count[env]) - self._length)  # what came before is overwritten
        return self._compress(
            self.read(np.full(frames, env), np.maximum(number, oldest))().cpu().numpy()
        )

    def _unpack(self, env: int, block: int, packed: bytes, frames: int) -> None:
        number = block * BLOCK + np.arange(frames)
        stored = number >= self.count[env] - self._length
        decoded = self._decompress(packed, frames)
        self._write(env, number[stored] % self._length, decoded[stored])


class CompressedFrames(FrameStore):
    """Frames in blocks, each compressed as soon as it is full."""

    def __init__(
        self,
        num_envs: int,
        length: int,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        pinned: bool,
    ) -> None:
        super().__init__(num_envs, length, shape, dtype)
        self._ring = length // BLOCK + 1  # full blocks that the newest frames can lie in
        self._blocks: list[list[bytes]] = [[b""] * self._ring for _ in range(num_envs)]
        self._open = np.zeros((num_envs, BLOCK, *shape), dtype)
        self._pinned = pinned
        self._item = np.dtype((np.void, self._frame_nbytes))
        self._packed_nbytes = self._packed_frames = 0

    def append(self, env: int, frame: NDArray[np.generic]) -> None:
        """Store the next frame of an environment."""
        block, offset = divmod(int(self.count[env]), BLOCK)
        self._open[env, offset] = frame
        self.count[env] += 1
        if offset == BLOCK - 1:
            self._keep(env, block, self._compress(self._open[env]))

    def _keep(self, env: int, block: int, packed: bytes) -> None:
        dropped = self._blocks[env][block % self._ring]
        self._blocks[env][block % self._ring] = packed
        self._packed_nbytes += len(packed) - len(dropped)
        self._packed_frames += BLOCK * (not dropped)

    def read(self, env: NDArray[np.int64], number: NDArray[np.int64]) -> Reading:
        """Ask for frames; their blocks are looked up at once and decoded when called."""
        shape = (*number.shape, *self._shape)
        env, number = env.reshape(-1), number.reshape(-1)
        block, offset = np.divmod(number, BLOCK)
        key = env * (self.count.max() // BLOCK + 1) + block
        order = np.argsort(key, kind="stable")  # each block is decoded once
        start = np.flatnonzero(np.diff(key[order], prepend=-1))
        first = order[start]
        sources = list(map(self._source, env[first].tolist(), block[first].tolist()))
        ends = [*start[1:].tolist(), len(order)]
        offset = offset[order]

        def decode() -> Tensor:
            frames = torch.empty(
                len(order), *self._shape, dtype=self._torch_dtype, pin_memory=self._pinned
            )
            out = self._items(frames.numpy())
            decompressor, begin = zstandard.ZstdDecompressor(), 0
            for source, end in zip(sources, ends, strict=True):
                block_frames = self._decoded(source, decompressor)
                out[order[begin:end]] = block_frames[offset[begin:end]]
                begin = end
            return frames.view(shape)

        return decode

    def _source(self, env: int, block: int) -> bytes | NDArray[np.generic]:
        """What a block is read from, as it is now."""
        if block == self.count[env] // BLOCK:
            return self._open[env].copy()
        return self._blocks[env][block % self._ring]

    def _decoded(
        self, source: bytes | NDArray[np.generic], decompressor: zstandard.ZstdDecompressor
    ) -> NDArray[np.void]:
        if isinstance(source, bytes):
            return np.frombuffer(decompressor.decompress(source), self._item)
        return self._items(source)

    def _items(self, frames: NDArray[np.generic]) -> NDArray[np.void]:
        """A view with one element per frame, which numpy copies twice as fast as rows."""
        return frames.reshape(-1).view(self._item)

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        blocks = self._packed_frames // BLOCK
        return self._open.nbytes + self._packed_nbytes + blocks * BYTES_OBJECT

    @property
    def full_nbytes(self) -> int:
        """Memory in use once full, if frames go on to compress as those stored so far."""
        ratio = TYPICAL_RATIO
        if self._packed_frames:
            ratio = self._packed_nbytes / (self._packed_frames * self._frame_nbytes)
        blocks = len(self.count) * self._ring
        return self._open.nbytes + int(ratio * self.raw_nbytes) + blocks * BYTES_OBJECT

    def _pack(self, env: int, block: int, frames: int) -> bytes:
        if frames < BLOCK:
            return self._compress(self._open[env, :frames])
        return self._blocks[env][block % self._ring]

    def _unpack(self, env: int, block: int, packed: bytes, frames: int) -> None:
        if frames < BLOCK:
            self._open[env, :frames] = self._decompress(packed, frames)
        else:
            self._keep(env, block, packed)
