"""A sweep on a Ray cluster of two nodes, of which jobs and nodes die."""

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch

from dqn_experiments.run import checkpoint
from tests.commands.test_ledger import owner, statuses
from tests.commands.test_signals import ONLY_JOB
from tests.conftest import QUICK_CARTPOLE, Command, newest_step, started, wait_for_a_checkpoint

pytest.importorskip("ray", reason="it comes with the extra ray")

RUN = (*QUICK_CARTPOLE, "tracker.mode=disabled", "total_steps=10000", "checkpoint.every=500")
ONCE = "+hydra.launcher.ray.remote.max_retries=0"


class Cluster:
    """Nodes of one processor each, on this machine; the first is the head."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.folder = folder
        self.nodes: list[psutil.Process] = []

    def begin_node(self) -> None:
        begins = ["--address", self.address]
        if not self.nodes:
            begins = ["--head", "--port", self.address.partition(":")[2]]
            begins += ["--include-dashboard=false", "--disable-usage-stats"]
        log = self.folder / f"{len(self.nodes)}.log"
        own = ["--num-cpus=1", "--temp-dir", str(self.folder / str(len(self.nodes))), "--block"]
        ray = [str(Path(sys.executable).parent / "ray"), "start", *begins, *own]
        with log.open("wb") as output:
            self.nodes.append(psutil.Popen(ray, stdout=output, stderr=subprocess.STDOUT))
        deadline = time.monotonic() + 60
        while "Ray runtime started" not in log.read_text():
            assert self.nodes[-1].is_running(), log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    def has(self, job: Path, node: int) -> bool:
        """Whether the job runs on that node."""
        return owner(job) in {each.pid for each in self.nodes[node].children(recursive=True)}

    def kill_node(self, node: int) -> None:
        with suppress(psutil.NoSuchProcess):
            processes = [self.nodes[node], *self.nodes[node].children(recursive=True)]
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(processes, timeout=30)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cluster]:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:  # sockets have short paths
        nodes = Cluster(Path(folder))
        try:
            nodes.begin_node()
            nodes.begin_node()
            yield nodes
        finally:
            for number in range(len(nodes.nodes)):
                nodes.kill_node(number)


@pytest.mark.slow
def test_a_sweep_on_two_nodes_survives_the_death_of_a_node_and_of_a_job(
    cluster: Cluster, command: Command, tmp_path: Path
) -> None:
    address = f"hydra.launcher.ray.init.address={cluster.address}"
    where = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    grid = ("hydra/launcher=ray", address, where, *RUN, "seed=1,2,3,4")
    jobs = [tmp_path / "sweep" / f"{ONLY_JOB}+seed-{seed}" for seed in (1, 2, 3, 4)]

    sweep = started(tmp_path, "-m", *grid, ONCE)
    for job in jobs[:2]:
        wait_for_a_checkpoint(sweep, job)
    assert {cluster.has(job, node=0) for job in jobs[:2]} == {True, False}
    assert {cluster.has(job, node=1) for job in jobs[:2]} == {True, False}
    cluster.kill_node(1)
    _, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 1
    died = r"^error: a process of the sweep died \(\w+\); the same command goes on$"
    assert re.search(died, err, re.MULTILINE), err
    assert "killed" in statuses(command)

    cluster.begin_node()
    sweep = started(tmp_path, "-m", *grid)
    job = next(job for job in jobs if newest_step(job) < 10_000)
    wait_for_a_checkpoint(sweep, job)
    psutil.Process(owner(job)).kill()
    _, err = sweep.communicate(timeout=200)
    assert sweep.returncode == 0, err
    assert statuses(command) == ["finished"] * 4
    assert (job / "train.log").read_text().count("going on from") >= 1

    alone = command(*RUN, f"seed={jobs.index(job) + 1}", "hydra.run.dir=alone")
    assert alone.returncode == 0, alone.stderr
    weights = [checkpoint.find(run, "latest").weights() for run in (job, tmp_path / "alone")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.slow
def test_a_signal_ends_the_command_and_says_what_becomes_of_the_jobs(
    cluster: Cluster, command: Command, tmp_path: Path
) -> None:
    address = f"hydra.launcher.ray.init.address={cluster.address}"
    where = f"hydra.sweep.dir={tmp_path / 'sweep'}"
    sweep = started(tmp_path, "-m", "hydra/launcher=ray", address, where, *RUN, "seed=1,2")
    job = tmp_path / "sweep" / f"{ONLY_JOB}+seed-1"
    wait_for_a_checkpoint(sweep, job)
    sweep.terminate()
    _, err = sweep.communicate(timeout=30)
    assert sweep.returncode == 128 + 15
    told = "the sweep's command is ended; its jobs end with it, and the same command goes on"
    assert err.splitlines()[-1] == f"SIGTERM: {told}"
    deadline = time.monotonic() + 60
    while "running" in statuses(command):
        assert time.monotonic() < deadline
