"""Being told to stop: Ctrl-C, a scheduler's signal, a terminal that is closed."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")
SIGNALS = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
"""Those that this system has. Slurm and submitit send SIGUSR1 or SIGUSR2 ahead of a time limit."""

PATIENCE = 1.0  # seconds from a person's first Ctrl-C on in which another one changes nothing


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
    """Turns signals into `Interrupted` at a moment of the run's own choosing.

    Schedulers send several signals, at once or in turn, so further ones change nothing. Only a
    second Ctrl-C, `PATIENCE` or more after the first, is a person who does not want to wait: it
    ends the process, or where the process is not the run's `own` it raises KeyboardInterrupt there
    and then. Signals reach a process's main thread, so in another thread nothing is turned.

    On leaving the context the former handlers are back. Only an own process that was told to stop
    ignores signals from then on, which would change the code that it ends with.
    """

    def __init__(self, own: bool = False) -> None:
        self._own = own
        self._came: dict[int, float] = {}  # when each signal came first
        self._former: dict[int, signal._HANDLER] = {}

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self._came:
            raise Interrupted(self._first_that_came())

    def hand_on(self) -> None:
        """Do with the signals that came as whoever runs this program would have done.

        A launcher's handler, which was there before, may end the process and have its job queued
        again, or it may want a signal to be ignored: then all is as if none had come.

        Raises:
            Interrupted: if a signal came that had no handler.
        """
        unhandled = []
        for number in list(self._came):
            handler = _somebodys(self._former[number])
            if handler is None:
                unhandled.append(number)
            else:
                del self._came[number]
                handler(number, None)
        if unhandled:
            raise Interrupted(unhandled[0])

    def _first_that_came(self) -> int:
        came = list(self._came)  # at once: another signal may come between two steps of a loop
        return came[0]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        first = self._came.setdefault(number, now)
        if number == signal.SIGINT and now - first >= PATIENCE:
            if self._own:
                os._exit(128 + number)
            raise KeyboardInterrupt

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._former = _take(self._handle)
            self._held = _mask("SIG_UNBLOCK", SIGNALS)  # what was held back comes now
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._former:
            return
        _mask("SIG_BLOCK", self._held)
        ends = self._own and isinstance(error, Interrupted) and not self._held
        for number, handler in self._former.items():
            signal.signal(number, signal.SIG_IGN if ends else handler)
        if self._came and kind is None:  # after the last check
            signal.raise_signal(self._first_that_came())


def leave_at_once() -> None:
    """Let a signal end this process without a word, as long as there is nothing to lose."""
    _take(_leave)


def that_stop() -> list[int]:
    """The signals that stop this process: all of `SIGNALS`, but for what nohup ignores."""
    hang_up = getattr(signal, "SIGHUP", None)
    return [
        number
        for number in SIGNALS
        if number != hang_up or signal.getsignal(number) != signal.SIG_IGN
    ]


def signals_are_held() -> bool:
    """Whether this process takes signals only while it trains, as those of a parallel sweep do."""
    return bool(_mask("SIG_BLOCK", ()))


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


def _take(handler: Callable[[int, FrameType | None], None]) -> dict[int, "signal._HANDLER"]:
    """Handle all signals so; returns their former handlers."""
    return {number: signal.signal(number, handler) for number in that_stop()}


def _somebodys(handler: "signal._HANDLER") -> Callable[[int, FrameType | None], Any] | None:
    """A handler that is neither the system's, nor Python's, nor of this module."""
    if not callable(handler) or handler in (_leave, signal.default_int_handler):
        return None
    return handler


def _mask(how: str, signals: Iterable[int]) -> set[int]:
    """Change which signals are held back, where a system can; returns those that were."""
    if not hasattr(signal, "pthread_sigmask"):
        return set()
    held: set[int] = signal.pthread_sigmask(getattr(signal, how), signals)
    return held & set(SIGNALS)
