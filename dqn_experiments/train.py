"""Deep Q-learning: Algorithm 1 of Mnih et al. 2015, over N environments."""

import logging
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from dqn_experiments import checkpoint, memory
from dqn_experiments.batch import Batch
from dqn_experiments.components import build, build_agent
from dqn_experiments.devices import limit_threads, resolve, use_deterministic
from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.interrupt import Interrupt, Interrupted
from dqn_experiments.progress import Progress
from dqn_experiments.record import EpisodeStatistics, Record
from dqn_experiments.recorded_env import RecordedEnv
from dqn_experiments.resume import checkpoint_files, go_on
from dqn_experiments.run_dir import locked
from dqn_experiments.same_run import check_same_run, claim
from dqn_experiments.scoring import evaluate
from dqn_experiments.stacking import FrameStack

log = logging.getLogger(__name__)


def train(config: DictConfig, run_dir: Path, title: str, sweep: str | None) -> None:
    """Train as a validated `config` says, from where the run in `run_dir` stands.

    Args:
        config: see `dqn_experiments.config.validated`.
        run_dir: an existing folder; everything is left there.
        title: the tracker's name for the run.
        sweep: the tracker's group for the run, if it is one of several.

    Raises:
        ConfigError: if the folder holds another run, or one that cannot be continued.
        TrainingError: if the loss stops being finite, memory runs out, or nothing can be saved.
        Interrupted: on a signal, after a checkpoint.
    """
    limit_threads(config.cpu_threads)
    use_deterministic(config.deterministic)
    with locked(run_dir), Interrupt() as interrupt, logging_redirect_tqdm():
        check_same_run(run_dir, config)
        found = checkpoint.newest_intact(run_dir)
        if found and found.step >= config.total_steps and found.score is not None:
            log.info(f"{run_dir}: finished after {found.step:,} steps; nothing is left to do")
            return
        training = Training(config, run_dir, interrupt, title, sweep)
        exit_code = 1
        try:
            if found:
                go_on(training, found)
            else:
                training.start()
            _run(training)
            exit_code = 0
        except Interrupted as stop:
            exit_code = stop.code
            raise
        except (MemoryError, RuntimeError) as error:
            if not memory.ran_out(error):
                raise
            raise training.out_of_memory() from error
        finally:
            training.close(exit_code)


def _run(training: "Training") -> None:
    """Run to the end; a signal is followed by a checkpoint."""
    try:
        training.run()
    except Interrupted as stop:
        log.info(f"{stop.signal}: stopping after {training.step:,} steps")
        training.save_if_new()
        raise


def _tracker(config: DictConfig, run_dir: Path, title: str, sweep: str | None) -> Any:
    """The tracker, or None where there is no getting it to start."""
    try:
        return build(config.tracker, run_dir, OmegaConf.to_container(config), title, sweep)
    except ConfigError:
        raise
    except Exception as error:  # of whatever it depends on
        log.warning(f"the tracker does not start ({error!r}); the run goes on without it")
        return None


class Training:
    """The components of one run and where it stands."""

    def __init__(
        self,
        config: DictConfig,
        run_dir: Path,
        interrupt: Interrupt,
        title: str,
        sweep: str | None,
    ) -> None:
        self.config, self.run_dir, self.interrupt = config, run_dir, interrupt
        self.total_steps = config.total_steps  # plain numbers: the loop reads them every step
        self.learning_starts = config.learning_starts
        self.update_every = config.update_every
        self.log_every = config.log_every
        self.checkpoint_every = config.checkpoint.every
        self.evaluation_every = config.evaluation.every
        self.device = device = resolve(config.device)
        log.info(f"training on {device} in {run_dir}")
        env_seed, acting_seed, replay_seed = np.random.SeedSequence(config.seed).spawn(3)
        torch.manual_seed(config.seed)
        env = build(config.env)
        self.env = RecordedEnv(env, np.random.default_rng(env_seed))
        self.num_envs = env.num_envs
        self.agent = build_agent(config, env, device)
        run = env.num_envs, env.observation_shape, env.dtype, np.random.default_rng(replay_seed)
        self.buffer = build(config.buffer, *run, device)
        self.memory_told = 0
        self.tell_memory()
        self.optimizer = build(config.optimizer, self.agent.network.parameters())
        self.epsilon = build(config.schedule)
        self.rng = np.random.default_rng(acting_seed)
        self.stack = FrameStack(env.num_envs, env.observation_shape, env.dtype)
        self.episodes = EpisodeStatistics(env.num_envs)
        self.losses = np.zeros(2)  # sum and number
        self.step = 0
        self.saved_step: int | None = None  # of the checkpoint that this process wrote or came from
        self.unscored = False  # whether the evaluation of this step was interrupted
        claim(run_dir, config)  # nothing in the directory was touched so far
        tracker = _tracker(config, run_dir, title, sweep)
        self.record = Record(run_dir, tracker, env.frame_skip)
        self.progress = Progress(config.total_steps)

    def start(self) -> None:
        """Begin from nothing."""
        self.record.start()
        frame = self.env.reset()
        self.stack.reset(frame)
        self.buffer.reset(frame)

    def run(self) -> None:
        """Go on to the last step; raises Interrupted where a signal has come."""
        if self.unscored:
            self.save(self.evaluate())
        while self.step < self.total_steps:
            self.interrupt.check()
            self.advance()

    def advance(self) -> None:
        """Algorithm 1, one step in every environment: act, store, sample, update, sync, log."""
        epsilon = self.epsilon(self.step)
        action, value = self.agent.act(self.stack.observation, epsilon, self.rng)
        timestep = self.env.step(action)
        self.buffer.add(action, timestep)
        self.stack.push(timestep.first_frame, timestep.done)
        self.step += self.num_envs

        if self.step > self.learning_starts:
            for _ in range(self.times_due(self.update_every)):
                self.update(self.buffer.sample())
            if self.times_due(self.agent.target_update_every):
                self.agent.sync_target()

        for episode in self.episodes.add(self.step, epsilon, value, timestep, self.losses):
            self.record.episode(episode)
            self.progress.episode(episode)
        self.progress.show(self.step, epsilon)
        self.report_and_save()

    def times_due(self, every: int) -> int:
        """How many multiples of `every` the last step reached; 0 means never."""
        return self.step // every - (self.step - self.num_envs) // every if every else 0

    def update(self, batch: Batch) -> None:
        """One gradient step on the weighted mean loss of `batch`."""
        losses, td_error = self.agent.loss(batch)
        loss = (batch.weight * losses).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.losses += loss.item(), 1
        if not math.isfinite(self.losses[0]):
            raise TrainingError(
                f"the loss became {loss.item()} at step {self.step}; {self.last_checkpoint()}"
            )
        self.buffer.update(batch.index, td_error)

    def last_checkpoint(self) -> str:
        """What is left of a run that cannot go on."""
        if self.saved_step is None:
            return "no checkpoint yet"
        return f"the last good checkpoint is {checkpoint.folder_of(self.run_dir, self.saved_step)}"

    def out_of_memory(self) -> TrainingError:
        """What to tell of a run that asked for more than there is."""
        return TrainingError(
            f"out of memory after {self.step:,} steps, with {self.buffer.nbytes / 1e9:.2f} GB in "
            "the replay memory: free some, or lower "
            f"buffer.capacity={self.config.buffer.capacity}; {self.last_checkpoint()}"
        )

    def report_and_save(self) -> None:
        """Metrics, evaluation and checkpoint, where they are due; all three at the end."""
        if self.step >= self.total_steps or self.times_due(self.log_every):
            self.report()
        if self.evaluation_due():
            self.save(self.evaluate())
        elif self.times_due(self.checkpoint_every):
            self.save()

    def evaluation_due(self) -> bool:
        """Whether the weights of this step are to be scored."""
        return self.step >= self.total_steps or self.times_due(self.evaluation_every) > 0

    def report(self) -> None:
        """How fast it goes and how much it holds."""
        metrics = {
            "perf/steps_per_second": self.progress.rate(self.step),
            "perf/replay_gb": self.buffer.nbytes / 1e9,
        }
        self.record.metrics(self.step, metrics)
        self.tell_memory()

    def tell_memory(self) -> None:
        """Say what the replay memory will need, and again when more frames changed the estimate."""
        full = self.buffer.full_nbytes
        if abs(full - self.memory_told) > 0.25 * self.memory_told:
            raw = self.buffer.raw_nbytes
            saves = f" ({tqdm.format_sizeof(raw, 'B')} uncompressed)" if raw > full else ""
            log.info(f"replay memory: about {tqdm.format_sizeof(full, 'B')} once full{saves}")
            self.memory_told = full
            if full - self.buffer.nbytes > memory.available(self.buffer.frames_device):
                log.warning("replay memory: less than that is free; lower buffer.capacity")

    def evaluate(self) -> float:
        """Score the agent, record the score, and return its mean."""
        evaluation = evaluate(
            self.config, self.agent, self.step, between_steps=self.interrupt.check
        )
        log.info(f"evaluation after {self.step:,} steps: {evaluation.score}")
        self.record.evaluation(evaluation)
        try:
            evaluation.write(self.run_dir)
        except OSError as error:
            log.error(f"{error.filename} cannot be written ({error.strerror}); training goes on")
        return evaluation.score.mean

    def save(self, score: float | None = None) -> None:
        """Write a checkpoint, under the evaluation score of its weights if there is one.

        A run goes on without one that cannot be written, unless it is the last.
        """
        keep = self.config.checkpoint.keep
        began = time.monotonic()
        try:
            saved = checkpoint.save(self.run_dir, self.step, checkpoint_files(self), keep, score)
        except OSError as error:
            told = (
                f"the checkpoint of step {self.step} cannot be written ({error.strerror}); "
                f"{self.last_checkpoint()}"
            )
            if self.step >= self.total_steps or self.interrupt.requested:
                raise TrainingError(told) from error
            log.error(f"{told}; training goes on")
            return
        self.saved_step = self.step
        seconds = time.monotonic() - began
        log.info(f"checkpoint {saved.path}: {saved.nbytes / 1e6:.1f} MB in {seconds:.2f} s")
        best = ["best"] if checkpoint.is_best(self.run_dir, saved) else []
        # what others need to play: the replay memory would be ten times as much, or more
        files = [saved.path / name for name in (checkpoint.WEIGHTS, checkpoint.META)]
        self.record.checkpoint(files, [f"step-{self.step}", "latest", *best])

    def save_if_new(self) -> None:
        """Write a checkpoint unless these weights are saved already, perhaps with their score."""
        if self.saved_step != self.step:
            self.save()

    def close(self, exit_code: int) -> None:
        """Release everything; `exit_code` tells the tracker how the run ended."""
        self.progress.close()
        self.env.close()
        self.record.close(exit_code)
