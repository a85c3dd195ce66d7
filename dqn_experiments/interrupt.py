"""Being told to stop: Ctrl-C, or a scheduler's SIGTERM or SIGUSR1."""

import os
import signal
from types import FrameType, TracebackType

SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGUSR1"):  # not on Windows; what Slurm sends ahead of a time limit
    SIGNALS.append(signal.SIGUSR1)


class Interrupted(SystemExit):
    """A signal asked the run to stop; `code`, the process's exit code, is 128 + signal."""

    code: int

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.signal = signal.Signals(number).name


class Interrupt:
    """Turns the first signal into `Interrupted` at a moment of the run's own choosing.

    A second signal ends the process at once. On leaving the context the former handlers are back.
    """

    def __init__(self) -> None:
        self._requested: int | None = None

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._requested is not None

    def check(self) -> None:
        """Raises Interrupted if a signal has come."""
        if self._requested is not None:
            raise Interrupted(self._requested)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._requested is not None:
            os._exit(128 + number)
        self._requested = number

    def __enter__(self) -> "Interrupt":
        self._former = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
