"""What every replay memory does: store, draw a batch ahead, and survive a restart."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dqn_experiments.buffer.compressed_frames import CompressedFrames
from dqn_experiments.buffer.frames import FrameStore, RawFrames
from dqn_experiments.buffer.mirrored_frames import MirroredFrames
from dqn_experiments.buffer.transitions import TransitionRings
from dqn_experiments.config.constraints import Count, UnitInterval
from dqn_experiments.errors import ConfigError
from dqn_experiments.experience.batch import Batch
from dqn_experiments.experience.spec import ReplaySpec
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.machine import memory
from dqn_experiments.machine.devices import sent
from dqn_experiments.state import State, matching, part, restored_rng

CPU = torch.device("cpu")


class ReplayOptions(TypedDict):
    """What can be configured of every replay memory."""

    capacity: Count
    batch_size: Count
    n_step: Count
    discount: UnitInterval
    compression: Literal["zstd", "none"]
    device: Literal["auto", "cpu", "cuda"]
    read_ahead: bool


class Replay(ABC):
    """The newest `capacity` frames and what was done there, as batches of transitions.

    Which transitions make a batch is for subclasses to say. With `read_ahead` the next batch is
    drawn as soon as one is handed out and decoded in another thread while that one is learned from.
    What a batch holds is settled when it is drawn, so nothing depends on how the threads are timed.

    Raises:
        ConfigError: if there is not enough memory.
    """

    def __init__(self, spec: ReplaySpec, /, **options: Unpack[ReplayOptions]) -> None:
        self._spec, self._rng = spec, spec.rng
        self._stack = spec.observation_shape[0]
        self._batch_size = options["batch_size"]
        length = -(-options["capacity"] // spec.num_envs)  # slots of each environment
        with naming_capacity(options["capacity"]):
            # the oldest slot looks back too
            frames = _frame_store(spec, length + self._stack - 1, options)
            self._rings = TransitionRings(
                frames, length, self._stack, options["n_step"], options["discount"]
            )
        self._reader = ThreadPoolExecutor(1) if options["read_ahead"] else None
        self._ahead: Callable[[], Batch] | None = None

    def reset(self, frame: NDArray[np.generic]) -> None:
        """Start an episode in every environment with `frame` [N, *frame]."""
        self._rings.reset(frame)

    def add(self, action: NDArray[np.int64], timestep: Timestep) -> None:
        """Store what `action` i64 [N] led to."""
        self._rings.add(action, timestep)

    def sample(self) -> Batch:
        """A batch of `batch_size` transitions, on the run's device."""
        batch = (self._ahead or self._begin())()
        self._ahead = self._begin() if self._reader else None
        return batch

    @abstractmethod
    def update(self, index: Tensor, priority: Tensor) -> None:
        """Take note of the priorities f32 [B] of the batch with that `index` i64 [B]."""

    def transitions(self, index: NDArray[np.int64]) -> Batch:
        """The n-step transitions that start at `index` i64 [B], which must be complete."""
        return self._read(index, np.ones(len(index), np.float32))()

    @abstractmethod
    def _draw(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Index i64 [B] of the next batch, and its importance weights f32 [B]."""

    def _begin(self) -> Callable[[], Batch]:
        return self._read(*self._draw())

    def _read(self, index: NDArray[np.int64], weight: NDArray[np.float32]) -> Callable[[], Batch]:
        """Start to read transitions; the result waits for their frames."""
        drawn = self._rings.read(index)
        frames = self._reader.submit(drawn.frames).result if self._reader else drawn.frames
        device, stack = self._spec.device, self._stack  # self would keep itself alive

        def batch() -> Batch:
            shown = sent(frames(), device)
            return _on_device(
                device,
                observation=shown[:, :stack],
                action=drawn.action,
                reward=drawn.reward,
                discount=drawn.discount,
                next_observation=shown[:, -stack:],
                weight=weight,
                index=index,
            )

        return batch

    def __len__(self) -> int:
        """Slots in use."""
        return len(self._rings)

    @property
    def raw_nbytes(self) -> int:
        """Memory of as many frames uncompressed."""
        return self._rings.frames.raw_nbytes

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return self._rings.nbytes + self._rings.frames.nbytes

    @property
    def full_nbytes(self) -> int:
        """Memory in use once full, as far as can be told by now."""
        return self._rings.nbytes + self._rings.frames.full_nbytes

    def state_dict(self) -> State:
        """Everything stored, compressed as it is, and the batch that was read ahead."""
        ahead = vars(self._ahead()) if self._ahead else {}
        return {
            "rings": self._rings.state_dict(),
            "rng": self._rng.bit_generator.state,
            "ahead": {name: tensor.cpu().numpy() for name, tensor in ahead.items()},
        }

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave.

        Raises:
            StateError: if it is damaged or of another kind of memory; nothing is taken in then.
        """
        rng, ahead = restored_rng(part(state, "rng")), part(state, "ahead")
        batch = self._restored_batch(ahead) if ahead else None
        self._rings.load_state_dict(part(state, "rings"))
        self._rng.bit_generator.state = rng.bit_generator.state
        self._ahead = (lambda: batch) if batch else None

    def _restored_batch(self, state: State) -> Batch:
        size = self._batch_size
        frames = np.empty((size, *self._spec.observation_shape), self._spec.dtype)
        real, whole = np.empty(size, np.float32), np.empty(size, np.int64)
        likes = {
            "observation": frames,
            "action": whole,
            "reward": real,
            "discount": real,
            "next_observation": frames,
            "weight": real,
            "index": whole,
        }
        arrays = {name: matching(state, name, like) for name, like in likes.items()}
        return _on_device(self._spec.device, **arrays)


def _on_device(device: torch.device, *, index: NDArray[np.int64], **fields: Any) -> Batch:
    """A batch of arrays or tensors; only its index stays on the CPU."""
    on_device = {name: sent(torch.as_tensor(field), device) for name, field in fields.items()}
    return Batch(**on_device, index=torch.from_numpy(index))


@contextmanager
def naming_capacity(capacity: int) -> Iterator[None]:
    """Turns the want of memory into one line that says what to lower."""
    try:
        yield
    except (MemoryError, OverflowError, RuntimeError, ValueError) as error:
        reason = str(error) or "not enough memory; must be smaller"
        raise ConfigError(f"buffer.capacity={capacity}: {reason}") from error


def _frame_store(spec: ReplaySpec, length: int, options: ReplayOptions) -> FrameStore:
    """Raw on the GPU where they fit, else compressed, or raw on the host where they fit."""
    _, *shape = spec.observation_shape
    kept = spec.num_envs, length, tuple(shape), spec.dtype
    raw = spec.num_envs * length * int(np.prod(shape)) * spec.dtype.itemsize
    on_gpu = options["device"] == "cuda" or (
        options["device"] == "auto"
        and spec.device.type == "cuda"
        and raw <= memory.available(spec.device) / 2  # the rest is for networks and for others
    )
    compressible = spec.dtype == np.uint8
    if not on_gpu and options["compression"] == "zstd" and compressible:
        return CompressedFrames(*kept, pinned=spec.device.type == "cuda")
    device = spec.device if on_gpu else CPU
    free = memory.available(device)
    if raw > free:
        smaller = ", or buffer.compression=zstd with buffer.device=cpu" if compressible else ""
        raise ValueError(
            f"{raw / 1e9:.1f} GB of uncompressed frames and {free / 1e9:.1f} GB of free memory; "
            f"must be smaller{smaller}"
        )
    return MirroredFrames(*kept, device) if compressible else RawFrames(*kept, device)
