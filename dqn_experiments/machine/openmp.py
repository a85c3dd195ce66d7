"""How torch's threads wait for each other."""

import os

POLICY, SPINS = "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"
FEW = "1000"
"""Some microseconds: enough for most barriers of an update on idle cores."""


def spin_briefly() -> None:
    """Let them sleep when they have waited for some microseconds, unless the environment says how.

    By itself GCC's OpenMP spins for much longer. A thread that spins holds the core that the one it
    waits for would need, as soon as anything else runs on the machine. It reads this once, when
    torch is first imported.
    """
    if POLICY not in os.environ:
        os.environ.setdefault(SPINS, FEW)
