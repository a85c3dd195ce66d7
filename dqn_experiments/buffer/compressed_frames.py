"""Frames compressed in memory, as they are in a checkpoint."""

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from dqn_experiments.buffer.codec import BLOCK, Codec
from dqn_experiments.buffer.frames import FrameStore, Reading
from dqn_experiments.errors import StateError
from dqn_experiments.state import State, matching, rows

DICTIONARY_FRAMES = 128  # of the game that blocks can refer to
DICTIONARY_AFTER = 8_192  # frames, from which these are taken
TYPICAL_RATIO = 114 / 7056  # compressed over raw on the median Atari game
BYTES_OBJECT = 57  # what Python, malloc and a list add to each block


class CompressedFrames(FrameStore):
    """Frames in blocks of `BLOCK` consecutive ones, each compressed as soon as it is full."""

    def __init__(
        self,
        num_envs: int,
        length: int,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        pinned: bool,
    ) -> None:
        super().__init__(num_envs, length, shape, dtype)
        self._codec = Codec(shape, dtype)
        self._ring = length // BLOCK + 1  # full blocks that the newest frames can lie in
        self._blocks: list[list[bytes]] = [[b""] * self._ring for _ in range(num_envs)]
        self._open = np.zeros((num_envs, BLOCK, *shape), dtype)
        self._pinned = pinned
        self._item = np.dtype((np.void, self._frame_nbytes))
        self._packed_nbytes = self._packed_blocks = 0  # of all blocks kept
        self._judged_nbytes = self._judged_blocks = 0  # of all that the present codec has packed

    def append(self, env: NDArray[np.int64], frames: NDArray[np.generic]) -> None:
        """Store the next frame of each of M different environments, [M, *frame]."""
        for each, frame in zip(env.tolist(), frames, strict=True):
            block, offset = divmod(int(self.count[each]), BLOCK)
            self._open[each, offset] = frame
            self.count[each] += 1
            if offset == BLOCK - 1:
                self._close(each, block)

    def _close(self, env: int, block: int) -> None:
        """Compress the block that has just become full."""
        packed = self._codec.compress(self._open[env])
        self._keep(env, block, packed)
        self._judged_nbytes += len(packed)
        self._judged_blocks += 1
        if not self._codec.dictionary and self.count.sum() >= DICTIONARY_AFTER:
            self._codec = Codec(self._shape, self._dtype, self._typical_frames())
            self._judged_nbytes = self._judged_blocks = 0

    def _typical_frames(self) -> bytes:
        """Frames spread evenly over the compressed bytes: more of what is hard to compress."""
        held = [(env, block) for env, block, frames in self._held(self.count) if frames == BLOCK]
        ends = np.cumsum([len(self._blocks[env][block % self._ring]) for env, block in held])
        frame = np.arange(DICTIONARY_FRAMES)
        at = np.searchsorted(ends, (frame + 0.5) / DICTIONARY_FRAMES * ends[-1])
        env, block = np.array(held)[at].T
        return self.read(env, block * BLOCK + frame % BLOCK)().numpy().tobytes()

    def _keep(self, env: int, block: int, packed: bytes) -> None:
        dropped = self._blocks[env][block % self._ring]
        self._blocks[env][block % self._ring] = packed
        self._packed_nbytes += len(packed) - len(dropped)
        self._packed_blocks += not dropped

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

        codec = self._codec

        def decode() -> Tensor:
            frames = torch.empty(
                len(order), *self._shape, dtype=self._torch_dtype, pin_memory=self._pinned
            )
            # a frame as one element is copied twice as fast as a row
            out, decoded, begin = frames.numpy().reshape(-1).view(self._item), codec.decoder(), 0
            for source, end in zip(sources, ends, strict=True):
                raw = decoded(source, BLOCK) if isinstance(source, bytes) else source
                out[order[begin:end]] = np.frombuffer(raw, self._item)[offset[begin:end]]
                begin = end
            return frames.view(shape)

        return decode

    def _source(self, env: int, block: int) -> bytes | NDArray[np.generic]:
        """What a block is read from, as it is now."""
        if block == self.count[env] // BLOCK:
            return self._open[env].copy()
        return self._blocks[env][block % self._ring]

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        kept = self._packed_nbytes + self._packed_blocks * BYTES_OBJECT
        return self._fixed_nbytes() + kept

    def _fixed_nbytes(self) -> int:
        return self._open.nbytes + len(self._codec.dictionary)

    @property
    def full_nbytes(self) -> int:
        """Memory in use once full, if frames go on to compress as those stored so far."""
        each = TYPICAL_RATIO * BLOCK * self._frame_nbytes
        if self._judged_blocks:
            each = self._judged_nbytes / self._judged_blocks
        return self._fixed_nbytes() + int(len(self.count) * self._ring * (each + BYTES_OBJECT))

    def state_dict(self) -> State:
        """Everything; `blocks` environment by environment, oldest first, the newest of each perhaps
        not full."""
        return {
            "count": self.count.copy(),
            "dictionary": np.frombuffer(self._codec.dictionary, np.uint8),
            "blocks": [self._pack(*held) for held in self._held(self.count)],
        }

    def _pack(self, env: int, block: int, frames: int) -> bytes:
        if frames < BLOCK:
            return self._codec.compress(self._open[env, :frames])
        return self._blocks[env][block % self._ring]

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave.

        Raises:
            StateError: if a block is missing or damaged; nothing is taken in then.
        """
        count, blocks = matching(state, "count", self.count), state.get("blocks")
        held = self._held(count)
        if not isinstance(blocks, list) or len(blocks) != len(held):
            raise StateError(f"blocks: {len(held)} blocks of frames expected")
        dictionary = rows(state, "dictionary", np.zeros((), np.uint8)).tobytes()
        codec = Codec(self._shape, self._dtype, dictionary)
        _check(held, blocks, codec)
        self.count[:], self._codec = count, codec
        for (env, block, frames), packed in zip(held, blocks, strict=True):
            self._unpack(env, block, packed, frames)
        self._judged_nbytes, self._judged_blocks = self._packed_nbytes, self._packed_blocks

    def _unpack(self, env: int, block: int, packed: bytes, frames: int) -> None:
        if frames == BLOCK:
            self._keep(env, block, packed)
            return
        raw = self._codec.decoder()(packed, frames)
        self._open[env, :frames] = np.frombuffer(raw, self._dtype).reshape(frames, *self._shape)

    def _held(self, count: NDArray[np.int64]) -> list[tuple[int, int, int]]:
        """Environment, number and frames of every block that a stored frame lies in."""
        return [
            (env, block, min(BLOCK, total - block * BLOCK))
            for env, total in enumerate(count.tolist())
            for block in range(max(0, total - self._length) // BLOCK, -(-total // BLOCK))
        ]


def _check(held: list[tuple[int, int, int]], blocks: list[bytes], codec: Codec) -> None:
    decode = codec.decoder()
    for (env, block, frames), packed in zip(held, blocks, strict=True):
        try:
            decode(packed, frames)
        except (ValueError, TypeError) as error:
            where = f"block {block} of environment {env}"
            raise StateError(f"frames: {where} is damaged: {error}") from error
