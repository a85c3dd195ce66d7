"""Signals of a sweep whose jobs run in processes of their own.

A terminal's Ctrl-C reaches every process, a scheduler's signal only the first; launchers answer an
error of one job by killing the others, perhaps while these write their checkpoints. So signals are
held back in all of them: the first process passes one on and waits for its jobs, a job takes it
while it trains, and a process between two jobs starts no other. Jobs of a cluster are not the first
process's to stop: there a signal ends it with a line that says what becomes of them.
"""

import math
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from dqn_experiments.machine.interrupt import PATIENCE, Interrupted, that_stop

if TYPE_CHECKING:
    import psutil

IN_THIS_PROCESS = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"
SLURM = "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher"
RAY = "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher"


class PassSignalsOn(Callback):
    """What `hydra.callbacks` starts with a sweep."""

    stopped_by: int | None = None
    """The signal that came, in this process."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Hold signals back, where jobs will not run in this process."""
        launcher = config.hydra.launcher
        if launcher._target_ != IN_THIS_PROCESS and hasattr(signal, "sigtimedwait"):
            from multiprocessing import resource_tracker

            resource_tracker.ensure_running()  # whose start would let signals through again
            signals, fate = that_stop(), _fate_on_a_cluster(launcher)
            signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # and so in processes to come
            wait = partial(_leave, fate) if fate else _pass_on
            threading.Thread(target=wait, args=[signals], daemon=True).start()


def _fate_on_a_cluster(launcher: DictConfig) -> str | None:
    """What becomes of a cluster's jobs when this process ends; None of jobs on this machine."""
    if launcher._target_ == SLURM:
        return "its jobs run on, and when they have ended the same command does the rest"
    if launcher._target_ == RAY:
        address = launcher.ray.init.get("address") or os.environ.get("RAY_ADDRESS", "local")
        return None if address == "local" else "its jobs end with it, and the same command goes on"
    return None


def _leave(fate: str, signals: list[int]) -> None:
    came = Interrupted(signal.sigwait(signals))
    print(f"{came.signal}: the sweep's command is ended; {fate}", file=sys.stderr, flush=True)
    os._exit(came.code)


def _pass_on(signals: list[int]) -> None:
    import psutil  # late, as only a signal asks for it

    number = PassSignalsOn.stopped_by = int(signal.sigwait(signals))
    first_ctrl_c = time.monotonic() if number == signal.SIGINT else math.inf
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  what libraries say of it is no news
    told: set[int] = set()
    while True:
        jobs = _jobs()
        for job in jobs:  # a launcher may start some only now
            if job.pid not in told:
                told.add(job.pid)
                with suppress(psutil.Error):
                    job.send_signal(signal.SIGINT)  # which no launcher keeps to itself
        again = signal.sigtimedwait(signals, 0.2)
        if again and again.si_signo == signal.SIGINT:
            if time.monotonic() - first_ctrl_c >= PATIENCE:
                for job in jobs:
                    with suppress(psutil.Error):
                        job.kill()
                os._exit(128 + number)
            first_ctrl_c = min(first_ctrl_c, time.monotonic())


def _jobs() -> "list[psutil.Process]":
    """Processes of this sweep, whoever started them; a tracker's own run another program."""
    import psutil

    mine = psutil.Process()
    found = []
    for process in mine.children(recursive=True):
        with suppress(psutil.Error):
            if process.exe() == mine.exe():
                found.append(process)
    return found
