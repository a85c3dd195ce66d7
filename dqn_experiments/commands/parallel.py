"""Signals of a sweep whose jobs run in processes of their own.

A terminal's Ctrl-C reaches every process, a scheduler's signal only the first; launchers answer an
error of one job by killing the others, perhaps while these write their checkpoints. So signals are
held back in all of them: the first process passes one on and waits for its jobs, a job takes it
while it trains, and a process between two jobs starts no other.
"""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from dqn_experiments.machine.interrupt import PATIENCE, SIGNALS

IN_THIS_PROCESS = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class PassSignalsOn(Callback):
    """What `hydra.callbacks` starts with a sweep."""

    stopped_by: int | None = None
    """The signal that came, in this process."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Hold signals back, where jobs will not run in this process."""
        if config.hydra.launcher._target_ != IN_THIS_PROCESS and hasattr(signal, "sigwait"):
            from multiprocessing import resource_tracker

            resource_tracker.ensure_running()  # whose start would let signals through again
            signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # and so in processes to come
            threading.Thread(target=_pass_on, daemon=True).start()


def _pass_on() -> None:
    import psutil  # late, as only a signal asks for it

    number = PassSignalsOn.stopped_by = int(signal.sigwait(SIGNALS))
    came = time.monotonic()
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  what libraries say of it is no news
    told: set[int] = set()
    while True:
        children = psutil.Process().children()
        for process in children:  # a launcher may start some only now
            if process.pid not in told:
                told.add(process.pid)
                with suppress(psutil.Error):
                    process.send_signal(number)
        again = signal.sigtimedwait(SIGNALS, 0.2)
        if again and time.monotonic() - came >= PATIENCE:
            for process in children:
                with suppress(psutil.Error):
                    process.kill()
            os._exit(128 + number)
