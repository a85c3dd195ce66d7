"""Disturb the jobs of a sweep on a real Slurm, and see whether they end as if nothing had happened.

    python benchmarks/slurm.py

One node of Slurm is started on this machine, in a folder that is removed at the end, and ends with
this program. One job is put back by `scontrol requeue`, as for somebody more important, one gets
the signal that comes ahead of its time limit, and one loses the command that began it. Each must
end with the same history.csv and the same weights as a run that was left alone.

Needs Debian's slurm-wlm and munge, and to be root.
"""

import argparse
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from reliability import newest, result

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue")
CONF = """\
ClusterName=trial
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={port}
SlurmdPort={next_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10 # seconds before a job that was put back begins
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
KillWait=5 # seconds from SIGTERM to SIGKILL
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides # the node is said to be larger than it is
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=100000 Gres=gpu:4
PartitionName=gpu Nodes=ALL Default=YES State=UP
"""
RUN = (
    "experiment=cartpole",
    "device=cpu",
    "total_steps=20_000",
    "checkpoint.every=1_000",
    "evaluation.every=0",
    "tracker.mode=disabled",
)
JOB = "experiment-cartpole+seed-"
SLURM = (
    "hydra/launcher=submitit_slurm",
    "hydra.launcher.partition=gpu",
    "hydra.launcher.gpus_per_node=1",
    "hydra.launcher.cpus_per_task=4",
    "hydra.launcher.mem_gb=24",
    "hydra.launcher.timeout_min=720",
    "hydra.launcher.max_num_timeout=20",
)
PATIENCE = 180  # seconds for anything to happen


def wait_until(happened: Callable[[], object], what: str) -> None:
    """Look several times a second; exits if it takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            sys.exit(f"not within {PATIENCE} seconds: {what}")
        time.sleep(0.1)


def said(*command: str) -> str:
    """What a program prints; empty if it fails, as those of Slurm do until its daemons listen."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    return done.stdout.strip() if done.returncode == 0 else ""


@contextmanager
def slurm(folder: Path, port: int) -> Iterator[None]:
    """A Slurm of one node; all of it, its jobs as well, ends with the block."""
    conf, host = folder / "slurm.conf", platform.node().partition(".")[0]
    conf.write_text(CONF.format(folder=folder, host=host, port=port, next_port=port + 1))
    for number in range(4):
        (folder / f"gpu{number}").symlink_to("/dev/null")
    (folder / "gres.conf").write_text(f"Name=gpu File={folder}/gpu[0-3]\n")
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    os.environ["SLURM_CONF"] = str(conf)
    munge = [f"--{name}={folder}/munge.{name[:-5]}" for name in ("key-file", "pid-file")]
    munge += [f"--log-file={folder}/munge.log", f"--seed-file={folder}/munge.seed"]
    try:
        for daemon in (
            ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge],
            ["slurmctld", "-D", "-i"],
            ["slurmd", "-D", "-N", host],
        ):
            with (folder / f"{daemon[0]}.log").open("wb") as log:
                subprocess.Popen(daemon, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: said("sinfo", "-h", "-o", "%T") == "idle", "Slurm starts")
        except SystemExit:
            print(*(log.read_text() for log in folder.glob("*.log")), sep="\n", file=sys.stderr)
            raise
        yield
    finally:
        while left := begun_under(conf):
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(left, timeout=1)


def begun_under(conf: Path) -> list[psutil.Process]:
    """Daemons, jobs and commands, which have this configuration in their environment, and stepds.

    Those watch over a job, each on a socket beside the configuration, and write over their own.
    """
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            ours = process.environ().get("SLURM_CONF") == str(conf)
            if process.name() == "slurmstepd":
                sockets = [str(socket.laddr) for socket in process.net_connections("unix")]
                ours = any(path.startswith(str(conf.parent)) for path in sockets)
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


class Sweep:
    """The same command, as often as it is begun; it trains seeds from 1 on."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "sweep"
        self.log = folder / "sweep.log"

    def begin(self, seeds: int) -> None:
        """Hand the jobs to Slurm and wait for them, in a process of its own."""
        listed = ",".join(str(seed) for seed in range(1, seeds + 1))
        task = (*SLURM, *RUN, f"seed={listed}", f"hydra.sweep.dir={self.directory}")
        command = [sys.executable, "-m", "dqn_experiments", "-m", *task]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    def job(self, seed: int) -> Path:
        """The run directory of a seed."""
        return self.directory / f"{JOB}{seed}"

    def running(self, seed: int, after: str = "") -> str:
        """Slurm's name of a job, as soon as it has a checkpoint that is newer than `after`."""
        wait_until(lambda: newest(self.job(seed)) > after, f"a checkpoint of seed {seed}")
        lines = said("squeue", "-h", "-r", "-t", "RUNNING", "-o", "%K %i").splitlines()
        return dict(line.split() for line in lines)[str(seed - 1)]

    def ended(self) -> int:
        """The exit code of the command, once it has ended."""
        wait_until(lambda: self.process.poll() is not None, "the sweep ends")
        return self.process.returncode

    def last_line(self) -> str:
        """What the command said at its end."""
        return self.log.read_text().splitlines()[-1]

    def noted(self, seed: int, pattern: str) -> str:
        """A line of the job's log."""
        log = (self.job(seed) / "train.log").read_text()
        found = re.search(pattern, log, re.MULTILINE)
        return found[0] if found else f"nothing like {pattern!r}"


def disturb(sweep: Sweep) -> None:
    """One job is put back, one is out of time, and of one the command is lost."""
    sweep.begin(seeds=2)
    told = said("scontrol", "--version"), sweep.running(1), sweep.running(2)
    subprocess.run(["scontrol", "requeue", told[1]], check=True, timeout=PATIENCE)
    subprocess.run(["scancel", "--signal=USR2", told[2]], check=True, timeout=PATIENCE)
    print(f"{told[0]}: scontrol requeue {told[1]}, scancel --signal=USR2 {told[2]}", flush=True)
    print(f"the command ends with {sweep.ended()}: {sweep.last_line()}")
    print(f"  seed 1: {sweep.noted(1, 'SIGTERM: stopping after .*')}")
    print(f"  seed 2: {sweep.noted(2, 'SIGUSR2: stopping after .*')}")
    print(f"  seed 2: {sweep.noted(2, 'Requeued job .*')}")
    for seed in (1, 2):
        print(f"  seed {seed}: went on from step {sweep.noted(seed, '(?<=checkpoints/)[0-9]+$')}")
    sweep.begin(seeds=3)
    sweep.running(3)
    sweep.process.terminate()
    print(f"SIGTERM to the command ends it with {sweep.ended()}: {sweep.last_line()}", flush=True)
    wait_until(lambda: said("squeue", "-h", "-o", "jobs: %i") == "", "the jobs end")
    sweep.begin(seeds=3)
    print(f"the same command ends with {sweep.ended()}: {sweep.last_line()}", flush=True)


def main() -> None:
    """Do all of it and print; exit code 1 if a run did not end as one that was left alone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--port", type=int, default=26_817, help="this one and the next are taken")
    port = parser.parse_args().port
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing or os.geteuid():
        wanted = f"{missing[0]} is missing: apt-get install slurm-wlm munge" if missing else "root"
        sys.exit(f"error: needs Slurm, munge and root: {wanted}")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # munge looks at who may reach its socket
        sweep = Sweep(folder)
        with slurm(folder, port):
            disturb(sweep)
        same = []
        for seed in (1, 2, 3):
            alone = (*RUN, f"seed={seed}", f"hydra.run.dir={folder / str(seed)}")
            command = [sys.executable, "-m", "dqn_experiments", *alone]
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
            same.append(result(folder / str(seed)) == result(sweep.job(seed)))
        print(f"history.csv and weights of runs that were left alone: {same}")
    sys.exit(not all(same))


if __name__ == "__main__":
    main()
