"""Deep Q-learning: Algorithm 1 of Mnih et al. 2015, over N environments."""

import logging
import math
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from dqn_experiments import checkpoint, memory
from dqn_experiments.batch import Batch
from dqn_experiments.components import build, build_agent
from dqn_experiments.devices import limit_threads, resolve
from dqn_experiments.errors import TrainingError
from dqn_experiments.interrupt import Interrupt, Interrupted
from dqn_experiments.progress import Progress
from dqn_experiments.record import EpisodeStatistics, Record
from dqn_experiments.run_dir import claim
from dqn_experiments.scoring import evaluate
from dqn_experiments.stacking import FrameStack

log = logging.getLogger(__name__)


def train(config: DictConfig, run_dir: Path, title: str, sweep: str | None) -> None:
    """Train as a validated `config` says and leave everything in `run_dir`.

    Args:
        config: see `dqn_experiments.config.validated`.
        run_dir: an existing folder.
        title: the tracker's name for the run.
        sweep: the tracker's group for the run, if it is one of several.

    Raises:
        TrainingError: if the loss stops being finite, or memory runs out.
        Interrupted: on SIGINT or SIGTERM, after a checkpoint.
    """
    limit_threads(config.cpu_threads)
    exit_code = 1
    with Interrupt() as interrupt, logging_redirect_tqdm():
        training = Training(config, run_dir, interrupt, title, sweep)
        try:
            training.run()
            exit_code = 0
        except Interrupted as stop:
            log.info(f"{stop.signal}: stopping after {training.step:,} steps")
            exit_code = stop.code
            training.save_if_new()
            raise
        except (MemoryError, torch.OutOfMemoryError) as error:
            raise TrainingError(
                f"out of memory after {training.step:,} steps, with "
                f"{training.buffer.nbytes / 1e9:.2f} GB in the replay memory: lower "
                f"buffer.capacity={config.buffer.capacity}; {training.last_checkpoint()}"
            ) from error
        finally:
            training.close(exit_code)


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
        device = resolve(config.device)
        log.info(f"training on {device} in {run_dir}")
        env_seed, acting_seed, replay_seed = np.random.SeedSequence(config.seed).spawn(3)
        torch.manual_seed(config.seed)
        self.env = build(config.env)
        self.env_seed = int(env_seed.generate_state(1)[0] >> 2)
        self.agent = build_agent(config, self.env, device)
        shape, dtype = self.env.observation_shape, self.env.dtype
        rng = np.random.default_rng(replay_seed)
        self.buffer = build(config.buffer, self.env.num_envs, shape, dtype, rng, device)
        self.memory_told = 0
        self.tell_memory()
        self.optimizer = build(config.optimizer, self.agent.network.parameters())
        self.epsilon = build(config.schedule)
        self.rng = np.random.default_rng(acting_seed)
        self.stack = FrameStack(self.env.num_envs, shape, dtype)
        self.episodes = EpisodeStatistics(self.env.num_envs)
        self.losses = np.zeros(2)  # sum and number
        self.step = 0
        claim(run_dir, config)  # nothing in the directory was touched so far
        tracker = build(config.tracker, run_dir, OmegaConf.to_container(config), title, sweep)
        self.record = Record(run_dir, tracker, self.env.frame_skip)
        self.progress = Progress(config.total_steps)

    def run(self) -> None:
        """Algorithm 1: act, store, sample, update, sync, log."""
        frame = self.env.reset(self.env_seed)
        self.stack.reset(frame)
        self.buffer.reset(frame)
        while self.step < self.total_steps:
            self.interrupt.check()
            epsilon = self.epsilon(self.step)
            action, value = self.agent.act(self.stack.observation, epsilon, self.rng)
            timestep = self.env.step(action)
            self.buffer.add(action, timestep)
            self.stack.push(timestep.first_frame, timestep.done)
            self.step += self.env.num_envs

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
        return self.step // every - (self.step - self.env.num_envs) // every if every else 0

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
        saved = checkpoint.available(self.run_dir)
        return f"the last good checkpoint is {saved[-1].path}" if saved else "no checkpoint yet"

    def report_and_save(self) -> None:
        """Metrics, evaluation and checkpoint, where they are due; all three at the end."""
        ended = self.step >= self.total_steps
        if ended or self.times_due(self.log_every):
            self.report()
        if ended or self.times_due(self.evaluation_every):
            self.save(self.evaluate())
        elif self.times_due(self.checkpoint_every):
            self.save()

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
        evaluation.write(self.run_dir)
        self.record.evaluation(evaluation)
        return evaluation.score.mean

    def save(self, score: float | None = None) -> None:
        """Write a checkpoint, under the evaluation score of its weights if there is one."""
        keep = self.config.checkpoint.keep
        weights = self.agent.network.state_dict()
        saved = checkpoint.save(self.run_dir, self.step, weights, keep, score)
        log.info(f"checkpoint {saved.path}")
        best = ["best"] if checkpoint.is_best(self.run_dir, saved) else []
        self.record.tracker.checkpoint(saved.path, [f"step-{self.step}", "latest", *best])

    def save_if_new(self) -> None:
        """Write a checkpoint unless these weights are saved already, perhaps with their score."""
        saved = checkpoint.available(self.run_dir)
        if not saved or saved[-1].step != self.step:
            self.save()

    def close(self, exit_code: int) -> None:
        """Release everything; `exit_code` tells the tracker how the run ended."""
        self.progress.close()
        self.env.close()
        self.record.close(exit_code)
