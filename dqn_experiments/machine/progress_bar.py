"""tqdm's bar, as the place at hand can show it, and when to write a line where it cannot."""

import sys
import time
from typing import Any

from tqdm.auto import tqdm

SECONDS_BETWEEN_LINES = 30


def progress_bar(*arguments: Any, **options: Any) -> Any:
    """A bar in a notebook or on a terminal; elsewhere nothing is shown."""
    in_a_notebook = any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)
    nowhere = sys.stderr is None  # it was closed
    options["disable"] = False if in_a_notebook else nowhere or None
    return tqdm(*arguments, **options)


class Every:
    """Says when that many seconds have passed since it last said so, or since it was made."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def due(self) -> bool:
        """Whether it is time."""
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
