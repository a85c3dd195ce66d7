"""Torch's generators, one stream for each purpose.

Modules draw from torch's global generators (dropout, noise, initial weights). A `Randomness` puts
its own stream in their place for a while, so that who draws when makes no difference to others.
"""

import threading
from types import TracebackType

import torch
from torch import Tensor

Streams = dict[str, Tensor]

_turn = threading.RLock()  # the global generators are the process's: one stream at a time


class Randomness:
    """A stream of random numbers on a device, and on the CPU: `with randomness:` torch draws there.

    Args:
        seed: with it the stream begins as after `torch.manual_seed`.
        device: where modules draw.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        self._own = {
            name: torch.Generator(where).manual_seed(seed).get_state()
            for name, where in self._devices().items()
        }

    def _devices(self) -> dict[str, torch.device]:
        return {"cpu": torch.device("cpu"), self._device.type: self._device}

    def __enter__(self) -> None:
        _turn.acquire()
        self._others = self._exchanged(self._own)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._own = self._exchanged(self._others)
        _turn.release()

    def _exchanged(self, streams: Streams) -> Streams:
        """Put `streams` in the place of the global ones, which are returned."""
        found = {"cpu": torch.get_rng_state()}
        torch.set_rng_state(streams["cpu"])
        if self._device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self._device)
            torch.cuda.set_rng_state(streams["cuda"], self._device)
        elif self._device.type == "mps":
            found["mps"] = torch.mps.get_rng_state()
            torch.mps.set_rng_state(streams["mps"])
        return found

    def state_dict(self) -> Streams:
        """Where the stream is, by the type of its device."""
        return dict(self._own)

    def load_state_dict(self, state: Streams) -> None:
        """Go on where `state_dict` was.

        A stream of a device that is not this one is left out, since another device draws other
        numbers anyway. Raises KeyError, RuntimeError or TypeError if it does not fit.
        """
        taken = {name: state[name] for name in self._own if name == "cpu" or name in state}
        for name, where in self._devices().items():
            if name in taken:
                torch.Generator(where).set_state(taken[name])  # which looks at what it is given
        self._own |= taken
