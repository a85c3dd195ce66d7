"""How torch's threads wait for each other."""

import os


def wait_asleep() -> None:
    """Let them sleep rather than spin, unless the environment says otherwise.

    A thread that spins at a barrier holds the core that the one it waits for would need, as soon as
    anything else runs on the machine. OpenMP reads this once, when torch is first imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
