"""A run from where it stands to its end: lock, resume, evaluate, save, pause."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf
from tqdm.contrib.logging import logging_redirect_tqdm

from dqn_experiments.config.components import build_tracker
from dqn_experiments.config.duration import steps_and_seconds
from dqn_experiments.errors import ConfigError, StateError, TrainingError
from dqn_experiments.experience.contract import Tracker
from dqn_experiments.experience.spec import TrackedRun
from dqn_experiments.machine import memory
from dqn_experiments.machine.devices import resolve, torch_settings
from dqn_experiments.machine.interrupt import Interrupt, Interrupted
from dqn_experiments.run import checkpoint, parts
from dqn_experiments.run.checkpoint import Checkpoint
from dqn_experiments.run.lock import locked
from dqn_experiments.run.progress import Progress
from dqn_experiments.run.record import Record
from dqn_experiments.run.same_run import check_same_run
from dqn_experiments.run.stored import store_config
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.replay_report import ReplayReport
from dqn_experiments.train.scoring import evaluate

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of training."""

    run_dir: Path
    status: Literal["finished", "paused"]
    step: int
    """Agent steps so far."""
    score: float | None
    """Mean return of the newest evaluation in this start, or of the checkpoint gone on from; None
    if neither was scored."""


def train(
    config: DictConfig,
    run_dir: Path,
    title: str = "",
    sweep: str | None = None,
    own_process: bool = False,
) -> Outcome:
    """Train as a checked `config` says, from where the run in `run_dir` stands.

    Args:
        config: see `dqn_experiments.config.check.checked`.
        run_dir: an existing folder; everything is left there.
        title: the tracker's name for the run.
        sweep: the tracker's group for the run, if it is one of several.
        own_process: whether a second signal may end the process.

    Raises:
        ConfigError: if the folder holds another run, or one that cannot be continued.
        TrainingError: if the loss stops being finite, memory runs out, or nothing can be saved.
        Interrupted: on a signal, after a checkpoint.
    """
    with (
        torch_settings(config.cpu_threads, config.deterministic),
        locked(run_dir),
        Interrupt(own_process) as interrupt,
        logging_redirect_tqdm(),
    ):
        check_same_run(run_dir, config)
        found = checkpoint.newest_intact(run_dir)
        if found and found.step >= config.total_steps and found.score is not None:
            log.info(f"{run_dir}: finished after {found.step:,} steps; nothing is left to do")
            return Outcome(run_dir, "finished", found.step, found.score)
        run = TrackedRun(run_dir, _plain(config), title, sweep)
        with memory.shortage_told(lambda: f"lower buffer.capacity={config.buffer.capacity}"):
            session = Session(config, run, interrupt)
        with session.closed_at_the_end():
            session.begin(found)
            return session.run()


class Session:
    """The parts of one run, and what is done between the steps of its loop."""

    def __init__(self, config: DictConfig, run: TrackedRun, interrupt: Interrupt) -> None:
        self.config, self.run_dir, self.interrupt = config, run.run_dir, interrupt
        device = resolve(config.device)
        log.info(f"training on {device} in {self.run_dir}")
        self.loop = assembled(config, device, interrupt.check)
        self.replay_report = ReplayReport(self.loop.replay)
        with ExitStack() as on_failure:
            on_failure.callback(self.loop.player.close)
            store_config(self.run_dir, config)  # nothing in the directory was touched so far
            self.record = Record(self.run_dir, _tracker(config, run), self.loop.player.frame_skip)
            on_failure.pop_all()
        self.parts: dict[str, parts.Part] = {
            "network": self.loop.learner.network,
            "learner": self.loop.learner,
            "loop": self.loop,
            "replay": self.loop.replay,
            "player": self.loop.player,
            "record": self.record,
        }
        self.progress = Progress(config.total_steps)
        self.total_steps = config.total_steps  # plain numbers: they are read every step
        self.log_every = config.log_every
        self.evaluation_every = config.evaluation.every
        self.save_steps, self.save_seconds = steps_and_seconds(config.checkpoint.every)
        self.began = self.saved_at = time.monotonic()
        self.saved_step: int | None = None  # of the checkpoint that this process wrote or came from
        self.score: float | None = None
        self.unscored = False  # whether the evaluation of this step was interrupted

    def begin(self, found: Checkpoint | None) -> None:
        """Begin from nothing, or go on from a checkpoint as if nothing had happened.

        Raises:
            StateError: if the checkpoint is of another kind of run.
            Interrupted: if a signal came meanwhile.
        """
        if found is None:
            self.record.start()
            self.loop.start()
            return
        log.info(f"going on from {found.path}")
        parts.restore(self.parts, found)
        if self.loop.step != found.step:
            raise StateError(f"{found.path}: must be of step {self.loop.step}, as its loop is")
        self.saved_step, self.score = found.step, found.score
        self.unscored = found.step > 0 and found.score is None and self.evaluation_due()
        self.progress.go_on(found.step)

    def run(self) -> Outcome:
        """Go on to the last step or to the pause; a signal is followed by a checkpoint."""
        try:
            if self.unscored:
                self.save(self.evaluate())
            steps, seconds = steps_and_seconds(self.config.pause_after)
            last_step, deadline = self.loop.step + (steps or math.inf), self.began + seconds
            while not self.at_the_end():
                self.interrupt.check()
                if self.loop.step >= last_step or time.monotonic() >= deadline:
                    return self.pause()
                self.advance()
        except Interrupted as stop:
            log.info(f"{stop.signal}: stopping after {self.loop.step:,} steps")
            self.save_if_new(last=True)
            raise
        return Outcome(self.run_dir, "finished", self.loop.step, self.score)

    def advance(self) -> None:
        """One step of the loop, and whatever is due after it; all of that at the end."""
        for episode in self.loop.advance():
            self.record.episode(episode)
            self.progress.episode(episode)
        self.progress.show(self.loop.step, self.loop.epsilon)
        if self.at_the_end() or self.loop.times_due(self.log_every):
            self.report()
        if self.evaluation_due():
            self.save(self.evaluate())
        elif self.checkpoint_due():
            self.save()

    def at_the_end(self) -> bool:
        """Whether the last step is done."""
        return self.loop.step >= self.total_steps

    def evaluation_due(self) -> bool:
        """Whether the weights of this step are to be scored."""
        return self.at_the_end() or self.loop.times_due(self.evaluation_every) > 0

    def checkpoint_due(self) -> bool:
        """Whether enough steps or time went by; when a run is saved changes nothing in it."""
        passed = time.monotonic() - self.saved_at
        return self.loop.times_due(self.save_steps) > 0 or passed >= self.save_seconds

    def pause(self) -> Outcome:
        """End in good order before the last step."""
        self.save_if_new(last=True)
        log.info(
            f"paused after {self.loop.step:,} of {self.total_steps:,} steps; "
            "the same command goes on"
        )
        return Outcome(self.run_dir, "paused", self.loop.step, self.score)

    def report(self) -> None:
        """How fast it goes and how much it holds."""
        metrics = {
            "perf/steps_per_second": self.progress.rate(self.loop.step),
            "perf/replay_gb": self.loop.replay.nbytes / 1e9,
        }
        self.record.metrics(self.loop.step, metrics)
        self.replay_report.tell()

    def evaluate(self) -> float:
        """Score the agent, record the score, and return its mean."""
        step = self.loop.step
        evaluation = evaluate(
            self.config, self.loop.player.policy, step, between_steps=self.interrupt.check
        )
        log.info(f"evaluation after {step:,} steps: {evaluation.score}")
        self.record.evaluation(evaluation)
        try:
            evaluation.write(self.run_dir)
        except OSError as error:
            log.error(f"{error.filename} cannot be written ({error.strerror}); training goes on")
        return evaluation.score.mean

    def save(self, score: float | None = None, last: bool = False) -> None:
        """Write a checkpoint, under the evaluation score of its weights if there is one.

        A run goes on without one that cannot be written, unless it is the last.
        """
        step = self.loop.step
        self.score = self.score if score is None else score
        self.loop.losses.so_far()  # raises if the weights are not worth keeping
        files, keep = parts.writers(self.parts), self.config.checkpoint.keep
        began = time.monotonic()
        try:
            saved = checkpoint.save(self.run_dir, step, files, keep, score)
        except OSError as error:
            told = (
                f"the checkpoint of step {step} cannot be written ({error.strerror}); "
                f"{self.last_checkpoint()}"
            )
            if last or self.at_the_end():
                raise TrainingError(told) from error
            log.error(f"{told}; training goes on")
            self.saved_at = time.monotonic()  # or it would be tried again at every step
            return
        self.saved_step, self.saved_at = step, time.monotonic()
        took = self.saved_at - began
        log.info(f"checkpoint {saved.path}: {saved.nbytes / 1e6:.1f} MB in {took:.2f} s")
        best = ["best"] if checkpoint.is_best(self.run_dir, saved) else []
        # what others need to play: the replay memory would be ten times as much, or more
        played_with = [saved.path / name for name in (checkpoint.WEIGHTS, checkpoint.META)]
        self.record.checkpoint(played_with, [f"step-{step}", "latest", *best])

    def save_if_new(self, last: bool = False) -> None:
        """Write a checkpoint unless these weights are saved already, perhaps with their score."""
        if self.saved_step != self.loop.step:
            self.save(last=last)

    def last_checkpoint(self) -> str:
        """What is left of a run that cannot go on."""
        if self.saved_step is None:
            return "no checkpoint yet"
        return f"the last good checkpoint is {checkpoint.folder_of(self.run_dir, self.saved_step)}"

    def what_to_lower(self) -> str:
        """What helps a run that asks for more memory than there is."""
        return (
            f"lower buffer.capacity={self.config.buffer.capacity}, whose "
            f"{self.loop.replay.nbytes / 1e9:.2f} GB hold {self.loop.step:,} steps; "
            f"{self.last_checkpoint()}"
        )

    @contextmanager
    def closed_at_the_end(self) -> Iterator[None]:
        """Release everything however it ends, and tell why a run cannot go on."""
        exit_code = 1
        try:
            with memory.shortage_told(self.what_to_lower):
                yield
            exit_code = 0
        except Interrupted as stop:
            exit_code = stop.code
            raise
        except FloatingPointError as error:
            raise TrainingError(f"{error}; {self.last_checkpoint()}") from error
        finally:
            self.progress.close()
            self.loop.player.close()
            self.record.close(exit_code)


def _plain(config: DictConfig) -> dict[str, Any]:
    plain: dict[str, Any] = OmegaConf.to_container(config)  # type: ignore[assignment]
    return plain


def _tracker(config: DictConfig, run: TrackedRun) -> Tracker | None:
    """The tracker, or None where there is no getting it to start."""
    try:
        return build_tracker(config, run)
    except ConfigError:
        raise
    except Exception as error:  # of whatever it depends on
        log.warning(f"the tracker does not start ({error!r}); the run goes on without it")
        return None
