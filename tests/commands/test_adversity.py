"""Disks that fill up and trackers that die under a real run."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dqn_experiments.run import checkpoint
from tests.conftest import QUICK_CARTPOLE, metrics, started, wait_for_a_checkpoint

RUN = (*QUICK_CARTPOLE, "total_steps=3000", "checkpoint.every=500", "hydra.run.dir=run")
ENVIRONMENT = {**os.environ}
SMALL_DISK = """
mkdir run
mount -t tmpfs -o size=1500k tmpfs run || exit 99
"$@"; test $? = 1 || exit 98
head -c 2m /dev/zero > run/ballast; "$@" 2> on_a_disk_without_a_byte; rm run/ballast
cp -r run at_the_end_of_the_disk
mount -o remount,size=50m run
"$@"; code=$?
cp -r run done
exit $code
"""


def test_a_full_disk_costs_nothing_but_checkpoints(tmp_path: Path) -> None:
    """The disk is too small for all of them; with more room the same command goes on."""
    if not shutil.which("unshare"):
        pytest.skip("there is no mounting a small disk here")
    run = [sys.executable, "-m", "dqn_experiments", *RUN, "tracker.mode=disabled"]
    mounting = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"]
    ended = subprocess.run(
        [*mounting, *run], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    if ended.returncode in (1, 99) and not (tmp_path / "at_the_end_of_the_disk").exists():
        pytest.skip(f"there is no mounting a small disk here: {ended.stderr}")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in (tmp_path / "on_a_disk_without_a_byte").read_text()
    full = tmp_path / "at_the_end_of_the_disk"
    last_good = checkpoint.newest_intact(full)
    assert last_good
    assert 500 <= last_good.step < 3000
    (error,) = [line for line in ended.stderr.splitlines() if line.startswith("error:")]
    assert error.startswith(
        "error: the checkpoint of step 3000 cannot be written (No space left on device); the last "
        "good checkpoint is "
    )
    assert error.endswith(f"/run/checkpoints/{last_good.path.name}")
    assert not list(full.glob("checkpoints/*.partial"))
    log = (tmp_path / "done" / "train.log").read_text()
    assert re.search(rf"going on from .*/run/checkpoints/{last_good.path.name}$", log, re.MULTILINE)
    assert checkpoint.find(tmp_path / "done", "latest").step == 3000


def test_a_tracker_that_dies_does_not_stop_the_run(tmp_path: Path) -> None:
    """W&B's own process is killed under it."""
    process = started(tmp_path, *RUN, "total_steps=9000", "tracker.mode=offline")
    wait_for_a_checkpoint(process, tmp_path / "run")
    trackers = psutil.Process(process.pid).children(recursive=True)
    assert any("wandb" in tracker.name() for tracker in trackers)
    for tracker in trackers:
        with suppress(psutil.NoSuchProcess):
            tracker.kill()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert "Traceback" not in told
    log = (tmp_path / "run" / "train.log").read_text()
    assert log.count("the tracker failed") == log.count("the run goes on without it") == 1
    assert metrics(tmp_path / "run")[-1]["evaluation/step"] == 9000
    assert checkpoint.find(tmp_path / "run", "latest").step == 9000
