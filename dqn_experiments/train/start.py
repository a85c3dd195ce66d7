"""A run from a config and a directory: own it, find out what it holds, go on from there."""

import logging
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from omegaconf import DictConfig
from tqdm.contrib.logging import logging_redirect_tqdm

from dqn_experiments.config.check import plain_config
from dqn_experiments.experience.spec import TrackedRun
from dqn_experiments.machine import memory
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.machine.interrupt import Interrupt
from dqn_experiments.run import checkpoint, failure, pruned
from dqn_experiments.run.ownership import empty_if_refused, owned
from dqn_experiments.run.same_run import check_same_run
from dqn_experiments.train.session import Ending, Outcome, Session, last_step

log = logging.getLogger(__name__)


def train(
    config: DictConfig,
    run_dir: Path,
    title: str = "",
    sweep: str | None = None,
    *,
    own_process: bool = False,
    key: str = "run_dir",
    around: AbstractContextManager[object] = nullcontext(),  # noqa: B008  which holds nothing
) -> Outcome:
    """Train as a checked `config` says, from where the run in `run_dir` stands.

    Args:
        config: see `dqn_experiments.config.check.checked`.
        run_dir: an existing folder; everything is left there.
        title: the tracker's name for the run.
        sweep: the tracker's group for the run, if it is one of several.
        own_process: whether a second Ctrl-C may end the process.
        key: what a person calls the folder by.
        around: entered once the folder is this run's, before anything is written into it.

    Raises:
        ConfigError: if the folder holds another run, or one that cannot be continued; one that was
            empty is left empty.
        TrainingError: if the loss stops being finite, memory runs out, or nothing can be saved.
        Interrupted: on a signal, after a checkpoint.
    """
    with (
        torch_settings(config.cpu_threads, config.deterministic),
        owned(run_dir, key),
        Interrupt(own_process) as interrupt,
        logging_redirect_tqdm(),
        empty_if_refused(run_dir),
    ):
        check_same_run(run_dir, config, key)
        failure.forget(run_dir)
        pruned.forget(run_dir)
        with around:
            found = checkpoint.newest_intact(run_dir)
            if found and found.step >= last_step(config) and found.score is not None:
                status: Ending = "finished" if found.step >= config.total_steps else "paused"
                log.info(f"{run_dir}: {status} after {found.step:,} steps; nothing is left to do")
                return Outcome(run_dir, status, found.step, found.score)
            run = TrackedRun(run_dir, plain_config(config), title, sweep)
            with memory.shortage_told(lambda: _what_to_lower(config)):
                session = Session(config, run, interrupt, begins=found is None)
            with session.closed_at_the_end():
                session.begin(found)
                return session.run()


def _what_to_lower(config: DictConfig) -> str:
    """What helps a run that is too large to begin."""
    return f"lower buffer.capacity={config.buffer.capacity}, or take a smaller network"
