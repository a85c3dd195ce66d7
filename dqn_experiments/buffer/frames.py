"""Frames stored once: the newest ones of each environment."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor

from dqn_experiments.machine.devices import sent
from dqn_experiments.state import State, matching

Reading = Callable[[], Tensor]
"""Frames asked for; decoded when called, from what was stored when they were asked for."""


class FrameStore(ABC):
    """The newest `length` frames of each of N environments, each numbered from 0 as they came."""

    def __init__(
        self, num_envs: int, length: int, shape: tuple[int, ...], dtype: DTypeLike
    ) -> None:
        self.count = np.zeros(num_envs, np.int64)
        """i64 [N]: frames appended so far."""
        self._length, self._shape, self._dtype = length, shape, np.dtype(dtype)
        self._torch_dtype = torch.from_numpy(np.empty(0, dtype)).dtype
        self._frame_nbytes = int(np.prod(shape)) * self._dtype.itemsize

    @abstractmethod
    def append(self, env: NDArray[np.int64], frames: NDArray[np.generic]) -> None:
        """Store the next frame of each of M different environments, [M, *frame]."""

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
    def state_dict(self) -> State:
        """Everything."""

    @abstractmethod
    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError, and takes in nothing then."""


class RawFrames(FrameStore):
    """Frames as they are, in the memory of the host or of a GPU, and in a checkpoint too."""

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
        self._device = device

    def append(self, env: NDArray[np.int64], frames: NDArray[np.generic]) -> None:
        """Store the next frame of each of M different environments, in one write."""
        self.write(env, self.count[env], frames)
        self.count[env] += 1

    def write(
        self, env: NDArray[np.int64], number: NDArray[np.int64], frames: NDArray[np.generic]
    ) -> None:
        """Put frames [M, *frame] where those of that number, i64 [M], belong."""
        slot = number % self._length
        if self._device.type == "cpu":
            self._frames.numpy()[env, slot] = frames  # a tenth of torch's time for one frame
            return
        where = sent(torch.from_numpy(np.stack([env, slot])), self._device)
        written = sent(torch.from_numpy(np.array(frames)), self._device)
        self._frames[where[0], where[1]] = written

    def read(self, env: NDArray[np.int64], number: NDArray[np.int64]) -> Reading:
        """Ask for frames; they are gathered at once, as they may be overwritten later."""
        row = torch.from_numpy((env * self._length + number % self._length).reshape(-1))
        flat = self._frames.flatten(0, 1).flatten(1)  # torch copies rows faster than planes
        frames = flat.index_select(0, sent(row, self._device)).view(*number.shape, *self._shape)
        return lambda: frames

    @property
    def nbytes(self) -> int:
        """Memory in use; an operating system hands it out only as it is written to."""
        if self._device.type != "cpu":
            return self.raw_nbytes
        return int(np.minimum(self.count, self._length).sum()) * self._frame_nbytes

    @property
    def full_nbytes(self) -> int:
        """Memory in use once full."""
        return self.raw_nbytes

    def state_dict(self) -> State:
        """Everything, in the order of the memory it lies in."""
        stored = self._frames[:, : self._stored(self.count)]
        return {"count": self.count.copy(), "frames": stored.cpu().numpy().copy()}

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError, and takes in nothing then."""
        count = matching(state, "count", self.count)
        shape = len(count), self._stored(count), *self._shape
        frames = matching(state, "frames", np.broadcast_to(np.zeros((), self._dtype), shape))
        self.count[:] = count
        self._frames[:, : shape[1]] = torch.from_numpy(frames).to(self._device)

    def _stored(self, count: NDArray[np.int64]) -> int:
        """Slots that any environment has written to."""
        return min(max(0, int(count.max())), self._length)
