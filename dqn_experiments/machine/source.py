"""Which source code is running."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DESCRIBE = ("describe", "--always", "--dirty", "--abbrev=10", "--exclude=*")
TIMEOUT = 5  # seconds


@cache
def commit() -> str | None:
    """The git commit of this package's source tree, with `-dirty` where files differ from it.

    None for an installed package, or where git is not there to be asked.
    """
    if not (ROOT / ".git").exists():
        return None
    try:
        asked = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(ROOT), *DESCRIBE],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None
