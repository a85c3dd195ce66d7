"""Files that lines are added to, on disks that may be full."""

import logging
import os
from pathlib import Path

from dqn_experiments.errors import StateError

log = logging.getLogger(__name__)


class Lines:
    """A file that lines are added to; what cannot be written now is written with the next line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._path, self._waiting = path, b""

    def add(self, line: str) -> None:
        """Add a line, which brings its own end."""
        failed_before = bool(self._waiting)
        self._waiting += line.encode()
        try:
            self._write()
        except OSError as error:
            if not failed_before:
                log.warning(
                    f"{self._path}: {error.strerror}; kept in memory until it can be written"
                )

    def size(self) -> int:
        """Bytes of all lines that are written."""
        return self._path.stat().st_size

    def read(self) -> str:
        """All lines that are written."""
        return self._path.read_text("utf-8")

    def sync(self) -> int:
        """Make the lines survive a power cut; returns the bytes of all. Raises OSError."""
        self._write()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def _write(self) -> None:
        while self._waiting:
            self._waiting = self._waiting[self._file.write(self._waiting) or 0 :]

    def cut(self, size: int) -> None:
        """Go back to the first `size` bytes; raises StateError if there are fewer."""
        if not 0 <= size <= self.size():
            raise StateError(f"{self._path}: must have the {size} bytes that a checkpoint knows of")
        self._file.truncate(size)
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
