"""The steps of a run and what is done between them: resume, evaluate, save, pause."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from omegaconf import DictConfig

from dqn_experiments.config.components import build_tracker
from dqn_experiments.config.duration import steps_and_seconds
from dqn_experiments.errors import ConfigError, StateError, TrainingError
from dqn_experiments.experience.contract import Tracker
from dqn_experiments.experience.spec import TrackedRun
from dqn_experiments.machine import memory
from dqn_experiments.machine.devices import resolve
from dqn_experiments.machine.interrupt import Interrupt, Interrupted
from dqn_experiments.run import checkpoint
from dqn_experiments.run.checkpoint import Checkpoint
from dqn_experiments.run.film import evaluation_film
from dqn_experiments.run.progress import Progress
from dqn_experiments.run.record import Record
from dqn_experiments.run.stored import store_config
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.camera import camera_of
from dqn_experiments.train.replay_report import ReplayReport
from dqn_experiments.train.saves import Saves
from dqn_experiments.train.scoring import evaluate

log = logging.getLogger(__name__)


Ending = Literal["finished", "paused"]


@dataclass(frozen=True)
class Outcome:
    """What came of training."""

    run_dir: Path
    status: Ending
    step: int
    """Agent steps so far."""
    score: float | None
    """Mean return of the newest evaluation in this start, or of the checkpoint gone on from; None
    if neither was scored."""


class Session:
    """The parts of one run, and what is done between the steps of its loop."""

    def __init__(
        self, config: DictConfig, run: TrackedRun, interrupt: Interrupt, begins: bool = True
    ) -> None:
        self.config, self.run_dir, self.interrupt = config, run.run_dir, interrupt
        self.camera, device = camera_of(config), resolve(config.device)
        self.loop = assembled(config, device, interrupt.check, begins)
        log.info(f"training on {device} in {self.run_dir}")
        self.replay_report = ReplayReport(self.loop.replay)
        with ExitStack() as on_failure:
            on_failure.callback(self.loop.player.close)
            store_config(self.run_dir, config)  # nothing in the directory was touched so far
            self.record = Record(self.run_dir, _tracker(config, run), self.loop.player.frame_skip)
            on_failure.pop_all()
        self.saves = Saves(
            self.run_dir,
            {
                "network": self.loop.learner.network,
                "learner": self.loop.learner,
                "loop": self.loop,
                "replay": self.loop.replay,
                "player": self.loop.player,
                "record": self.record,
            },
            config.checkpoint.keep,
        )
        self.progress = Progress(config.total_steps)
        self.total_steps = config.total_steps  # plain numbers: they are read every step
        self.last_step = last_step(config)
        self.log_every = config.log_every
        self.evaluation_every = config.evaluation.every
        self.save_steps, self.save_seconds = steps_and_seconds(config.checkpoint.every)
        steps, seconds = steps_and_seconds(config.pause_after)
        self.pause_after, self.pause_time = steps or math.inf, time.monotonic() + seconds
        self.score: float | None = None
        self.scored_step: int | None = None

    def begin(self, found: Checkpoint | None) -> None:
        """Begin from nothing, or go on from a checkpoint as if nothing had happened.

        Raises:
            StateError: if the checkpoint is of another kind of run.
            Interrupted: on a signal, unless a launcher has a better use for it.
        """
        if found is None:
            self.record.start()
            self.loop.start()
            self.replay_report.tell()
            return
        log.info(f"going on from {found.path}")
        try:
            self.saves.go_on_from(found)
        except Interrupted:
            self.interrupt.hand_on()
            self.begin(found)
            return
        if self.loop.step != found.step:
            raise StateError(f"{found.path}: must be of step {self.loop.step}, as its loop is")
        self.score = found.score
        self.scored_step = None if found.score is None else found.step
        self.progress.go_on(found.step)
        self.replay_report.tell()

    def run(self) -> Outcome:
        """Go on to the last step or to the pause; a signal is followed by a checkpoint.

        Raises:
            Interrupted: after it, unless a launcher has a better use for the signal.
        """
        pause_step = self.loop.step + self.pause_after
        while True:
            try:
                return self.to_the_end(pause_step)
            except Interrupted as stop:
                log.info(f"{stop.signal}: stopping after {self.loop.step:,} steps")
                self.save_if_new(last=True)
                self.interrupt.hand_on()

    def to_the_end(self, pause_step: float) -> Outcome:
        """The steps that are left, after an evaluation that was interrupted."""
        if self.loop.step and self.scored_step != self.loop.step and self.evaluation_due():
            self.save(self.evaluate())
        while not self.at_the_end():
            self.interrupt.check()
            if self.loop.step >= pause_step or time.monotonic() >= self.pause_time:
                return self.pause()
            self.advance()
        if self.loop.step < self.total_steps:
            return self.pause()
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
        """Whether the last step of this start is done."""
        return self.loop.step >= self.last_step

    def evaluation_due(self) -> bool:
        """Whether the weights of this step are to be scored."""
        return self.at_the_end() or self.loop.times_due(self.evaluation_every) > 0

    def checkpoint_due(self) -> bool:
        """Whether enough steps or time went by; when a run is saved changes nothing in it."""
        passed = time.monotonic() - self.saves.newest_at
        return self.loop.times_due(self.save_steps) > 0 or passed >= self.save_seconds

    def pause(self) -> Outcome:
        """End in good order before the last step."""
        self.save_if_new(last=True)
        way_on = "as pause_at says" if self.at_the_end() else "the same command goes on"
        log.info(f"paused after {self.loop.step:,} of {self.total_steps:,} steps; {way_on}")
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
        step, check = self.loop.step, self.interrupt.check
        film = evaluation_film(self.run_dir, step)
        with suppress(OSError):  # of a start that was killed since, if there is one
            film.unlink()
        policy, camera, run_dir = self.loop.player.policy, self.camera, self.run_dir
        evaluation = evaluate(
            self.config, policy, step, between_steps=check, camera=camera, run_dir=run_dir
        )
        told = f"{evaluation.score}{evaluation.by_protocol}"
        log.info(f"evaluation after {step:,} steps: {told}")
        if self.camera and self.camera.film(film, check):
            log.info(f"its first episode: {film}")
        self.record.evaluation(evaluation)
        try:
            evaluation.write(self.run_dir)
        except OSError as error:
            log.error(f"{error.filename} cannot be written ({error.strerror}); training goes on")
        return evaluation.score.mean

    def save(self, score: float | None = None, last: bool = False) -> None:
        """Write a checkpoint, under the evaluation score of its weights if there is one."""
        if score is not None:
            self.score, self.scored_step = score, self.loop.step
        self.loop.losses.so_far()  # raises if the weights are not worth keeping
        saved = self.saves.save(self.loop.step, score, must=last or self.at_the_end())
        if saved:
            best = ["best"] if checkpoint.is_best(self.run_dir, saved) else []
            # what others need to play: the replay memory would be ten times as much, or more
            played_with = [saved.path / name for name in (checkpoint.WEIGHTS, checkpoint.META)]
            self.record.checkpoint(played_with, [f"step-{saved.step}", "latest", *best])

    def save_if_new(self, last: bool = False) -> None:
        """Write a checkpoint unless these weights are saved already, perhaps with their score."""
        if self.saves.newest != self.loop.step:
            self.save(last=last)

    def what_to_lower(self) -> str:
        """What helps a run that asks for more memory than there is."""
        return (
            f"lower buffer.capacity={self.config.buffer.capacity}, which takes "
            f"{self.loop.replay.nbytes / 1e9:.2f} GB by now; {self.saves.last_good()}"
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
        except SystemExit as end:  # a launcher's, which queues the job again
            exit_code = end.code if isinstance(end.code, int) else 1
            raise
        except FloatingPointError as error:
            raise TrainingError(f"{error}; {self.saves.last_good()}") from error
        finally:
            self.progress.close()
            self.loop.player.close()
            self.record.close(exit_code)


def last_step(config: DictConfig) -> int:
    """At which a start ends with an evaluation: the run's last, or that of `pause_at`."""
    return int(min(config.total_steps, config.pause_at or config.total_steps))


def _tracker(config: DictConfig, run: TrackedRun) -> Tracker | None:
    """The tracker, or None where there is no getting it to start."""
    try:
        return build_tracker(config, run)
    except ConfigError:
        raise
    except Exception as error:  # of whatever it depends on
        log.warning(f"the tracker does not start ({error!r}); the run goes on without it")
        return None
