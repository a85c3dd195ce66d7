"""What every replay memory does: store, draw a batch ahead, and survive a restart."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypedDict, Unpack

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from dqn_experiments import memory
from dqn_experiments.batch import Batch
from dqn_experiments.buffer.frames import CompressedFrames, FrameStore, RawFrames
from dqn_experiments.buffer.transitions import TransitionRings
from dqn_experiments.constraints import Count, UnitInterval
from dqn_experiments.errors import ConfigError
from dqn_experiments.state import State, matching, part, restored_rng
from dqn_experiments.timestep import Timestep

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
    """

    def __init__(
        self,
        num_envs: int,
        observation_shape: tuple[int, ...],
        dtype: DTypeLike,
        rng: np.random.Generator,
        train_device: torch.device,
        /,
        **options: Unpack[ReplayOptions],
    ) -> None:
        stack, *shape = observation_shape
        length = -(-options["capacity"] // num_envs)  # slots of each environment
        kept = num_envs, length + stack - 1, tuple(shape), np.dtype(dtype)
        try:
            frames = _frame_store(*kept, train_device, options)
            self._rings = TransitionRings(
                frames, length, stack, options["n_step"], options["discount"]
            )
        except (MemoryError, OverflowError, RuntimeError, ValueError) as error:
            reason = str(error) or "not enough memory; must be smaller"
            raise ConfigError(f"buffer.capacity={options['capacity']}: {reason}") from error
        self._observation_shape, self._dtype = observation_shape, dtype
        self._rng, self._device = rng, train_device
        self._batch_size = options["batch_size"]
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
        if self._reader:
            self._ahead = self._begin()
        return batch

    @abstractmethod
    def update(self, index: Tensor, td_error: Tensor) -> None:
        """Take note of the TD errors f32 [B] of the batch with that `index` i64 [B]."""

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

        def batch() -> Batch:
            shown, stack = frames().to(self._device, non_blocking=True), self._observation_shape[0]
            return Batch(
                observation=shown[:, :stack],
                action=self._to_device(drawn.action),
                reward=self._to_device(drawn.reward),
                discount=self._to_device(drawn.discount),
                next_observation=shown[:, -stack:],
                weight=self._to_device(weight),
                index=torch.from_numpy(index),
            )

        return batch

    def _to_device(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self._device)

    def __len__(self) -> int:
        """Slots in use."""
        return len(self._rings)

    @property
    def frames_device(self) -> torch.device:
        """Where the frames lie."""
        return self._rings.frames.device

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

    def check(self) -> None:
        """Hold everything stored against what must be true of it; raises StateError."""
        self._rings.check()

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
        rng = restored_rng(part(state, "rng"))
        ahead = self._restored_batch(part(state, "ahead")) if state.get("ahead") else None
        self._rings.load_state_dict(part(state, "rings"))
        self._rng.bit_generator.state = rng.bit_generator.state
        self._ahead = (lambda: ahead) if ahead else None

    def _restored_batch(self, state: State) -> Batch:
        size = self._batch_size
        frames = np.empty((size, *self._observation_shape), self._dtype)
        real, whole = np.empty(size, np.float32), np.empty(size, np.int64)
        return Batch(
            observation=self._to_device(matching(state, "observation", frames)),
            action=self._to_device(matching(state, "action", whole)),
            reward=self._to_device(matching(state, "reward", real)),
            discount=self._to_device(matching(state, "discount", real)),
            next_observation=self._to_device(matching(state, "next_observation", frames)),
            weight=self._to_device(matching(state, "weight", real)),
            index=torch.from_numpy(matching(state, "index", whole)),
        )


def _frame_store(
    num_envs: int,
    length: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    train_device: torch.device,
    options: ReplayOptions,
) -> FrameStore:
    """Raw on the GPU where they fit, else compressed, or raw on the host where they fit."""
    kept = num_envs, length, shape, dtype
    raw = num_envs * length * int(np.prod(shape)) * dtype.itemsize
    on_gpu = options["device"] == "cuda" or (
        options["device"] == "auto"
        and train_device.type == "cuda"
        and raw <= memory.available(train_device) / 2  # the rest is for networks and for others
    )
    if not on_gpu and options["compression"] == "zstd" and dtype == np.uint8:
        return CompressedFrames(*kept, pinned=train_device.type == "cuda")
    device = train_device if on_gpu else CPU
    free = memory.available(device)
    if raw > free:
        raise ConfigError(
            f"{raw / 1e9:.1f} GB of uncompressed frames and {free / 1e9:.1f} GB of free memory; "
            "must be smaller, or buffer.compression=zstd with buffer.device=cpu"
        )
    return RawFrames(*kept, device)
