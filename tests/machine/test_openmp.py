"""Torch's threads wait asleep in every process that trains."""

import os
import subprocess
import sys

import pytest

SAYS = """
import sys, dqn_experiments, os
assert "torch" not in sys.modules, "OpenMP would have read its environment before"
print(os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.parametrize(("asked", "holds"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_wait_asleep_unless_the_environment_says_otherwise(
    asked: str | None, holds: str
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": asked} if asked else {}
    told = subprocess.check_output([sys.executable, "-c", SAYS], env=environment, text=True)
    assert told.strip() == holds
