"""Being told to stop: Ctrl-C, or a scheduler's SIGTERM or SIGUSR1."""

import os
import signal
import threading
import time
from collections.abc import Iterable
from types import FrameType, TracebackType

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGUSR1"):  # not on Windows; what Slurm sends ahead of a time limit
    SIGNALS.append(signal.SIGUSR1)

PATIENCE = 1.0  # seconds that signals are taken for one: schedulers send several


class Interrupted(KeyboardInterrupt):
    """A signal asked the run to stop, and it has; raised with the signal's number."""

    @property
    def code(self) -> int:
        """The exit code of a process that ends with it: 128 + signal."""
        return 128 + int(self.args[0])

    @property
    def signal(self) -> str:
        """The signal's name."""
        return signal.Signals(self.args[0]).name

    def __str__(self) -> str:
        return f"{self.signal}: stopped with a checkpoint; the same again goes on from it"


class Interrupt:
    """Turns the first signal into `Interrupted` at a moment of the run's own choosing.

    Several signals at once are one. Another one after that ends the process at once, or where the
    process is not the run's `own` it raises KeyboardInterrupt there and then. On leaving the
    context the former handlers are back. Signals reach a process's main thread, so in another
    thread nothing is turned.
    """

    def __init__(self, own: bool = False) -> None:
        self._own = own
        self._requested: int | None = None
        self._came = 0.0
        self._former: dict[int, signal._HANDLER] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._requested is not None

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self._requested is not None:
            raise Interrupted(self._requested)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._requested is None:
            self._requested, self._came = number, time.monotonic()
        elif time.monotonic() - self._came < PATIENCE:
            return
        elif self._own:
            os._exit(128 + number)
        else:
            raise KeyboardInterrupt

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._handle) for number in SIGNALS}
            self._held = _mask("SIG_UNBLOCK", SIGNALS)  # what was held back comes now
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._former:
            _mask("SIG_BLOCK", self._held)
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._requested is not None and kind is None:  # it came after the last check
            signal.raise_signal(self._requested)


def signals_are_held() -> bool:
    """Whether this process takes signals only while it trains, as those of a parallel sweep do."""
    return bool(_mask("SIG_BLOCK", ()))


def _mask(how: str, signals: Iterable[int]) -> set[int]:
    """Change which signals are held back, where a system can; returns those that were."""
    if not hasattr(signal, "pthread_sigmask"):
        return set()
    held: set[int] = signal.pthread_sigmask(getattr(signal, how), signals)
    return held & set(SIGNALS)
