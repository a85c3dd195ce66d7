"""Torch's threads do not spin for long in any process that trains."""

import os
import subprocess
import sys

import pytest

SAYS = """
import sys, dqn_experiments, os
assert "torch" not in sys.modules, "OpenMP would have read its environment before"
print(os.environ.get("GOMP_SPINCOUNT"))
"""


@pytest.mark.parametrize(
    ("asked", "holds"),
    [({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_threads_spin_briefly_unless_the_environment_says_how(
    asked: dict[str, str], holds: str
) -> None:
    others = {
        key: value for key, value in os.environ.items() if not key.endswith(("POLICY", "SPINCOUNT"))
    }
    told = subprocess.check_output([sys.executable, "-c", SAYS], env=others | asked, text=True)
    assert told.strip() == holds
