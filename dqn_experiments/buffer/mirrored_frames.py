"""Frames as they are to read from, and compressed to save."""

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray

from dqn_experiments.buffer.compressed_frames import CompressedFrames
from dqn_experiments.buffer.frames import FrameStore, RawFrames, Reading
from dqn_experiments.state import State

READ_AT_ONCE = 1_024  # frames that are decoded together while a state is loaded


class MirroredFrames(FrameStore):
    """Raw frames, on the host or a GPU, and a compressed copy of each on the host.

    Reading costs no decoding. To save is to write out the copy, as for `CompressedFrames`, whose
    state is the same: compressing a million frames at a save would take many seconds.
    """

    def __init__(
        self,
        num_envs: int,
        length: int,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        device: torch.device,
    ) -> None:
        super().__init__(num_envs, length, shape, dtype)
        self._raw = RawFrames(num_envs, length, shape, dtype, device)
        self._mirror = CompressedFrames(num_envs, length, shape, dtype, pinned=False)
        self.count = self._raw.count

    def append(self, env: NDArray[np.int64], frames: NDArray[np.generic]) -> None:
        """Store the next frame of each of M different environments, [M, *frame]."""
        self._raw.append(env, frames)
        self._mirror.append(env, frames)

    def read(self, env: NDArray[np.int64], number: NDArray[np.int64]) -> Reading:
        """Ask for frames; they are gathered at once, as they may be overwritten later."""
        return self._raw.read(env, number)

    @property
    def nbytes(self) -> int:
        """Memory in use, on the host and on the GPU."""
        return self._raw.nbytes + self._mirror.nbytes

    @property
    def full_nbytes(self) -> int:
        """Memory in use once full, as far as can be told by now."""
        return self._raw.full_nbytes + self._mirror.full_nbytes

    def state_dict(self) -> State:
        """Everything, compressed as it is."""
        return self._mirror.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError, and takes in nothing then."""
        self._mirror.load_state_dict(state)
        self.count[:] = self._mirror.count
        for env, total in enumerate(self.count.tolist()):
            oldest = max(0, total - self._length)
            for start in range(oldest, total, READ_AT_ONCE):
                number = np.arange(start, min(start + READ_AT_ONCE, total))
                where = np.full(len(number), env)
                self._raw.write(where, number, self._mirror.read(where, number)().numpy())
