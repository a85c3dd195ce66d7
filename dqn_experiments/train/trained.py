"""An agent as a checkpoint holds it: to act with, to score, to watch."""

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import ArrayLike, NDArray
from omegaconf import DictConfig

from dqn_experiments.config.check import plain_config
from dqn_experiments.config.components import build_env, build_network, build_rule, build_tracker
from dqn_experiments.config.schema import CheckpointChoice, EvaluateConfig
from dqn_experiments.errors import ConfigError
from dqn_experiments.experience.contract import Env
from dqn_experiments.experience.spec import NetworkSpec, TrackedRun
from dqn_experiments.machine.captured import are_captured
from dqn_experiments.machine.devices import resolve, torch_settings
from dqn_experiments.machine.memory import shortage_told
from dqn_experiments.run import checkpoint
from dqn_experiments.run.checkpoint import SUMS, WEIGHTS
from dqn_experiments.run.film import scored_film
from dqn_experiments.run.ownership import NotOursError, owned
from dqn_experiments.run.parts import restore_tensors
from dqn_experiments.run.record import send_film, tell_again
from dqn_experiments.run.score import Evaluation
from dqn_experiments.run.stored import stored_config
from dqn_experiments.train.camera import Camera, camera_of
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.scoring import evaluate

log = logging.getLogger(__name__)


class TrainedAgent:
    """The agent of a run's checkpoint.

    Raises:
        ConfigError: if there is no such checkpoint, or it is damaged or does not fit its config.
    """

    def __init__(self, chosen: CheckpointChoice) -> None:
        self.config: DictConfig = stored_config(chosen.run)
        found = checkpoint.find(chosen.run, chosen.checkpoint)
        self.step = found.step
        """Agent steps of training behind it."""
        if (found.path / SUMS).exists():  # a copy to play with may come without
            found.verify([WEIGHTS])
        env = self.env()
        self.observation_shape = env.observation_shape
        """(K, *frame): K stacked frames."""
        self._dtype = env.dtype
        env.close()
        rule, device = build_rule(self.config), resolve(chosen.device)
        spec = NetworkSpec(env.observation_shape, env.num_actions, rule.outputs, rule.implicit)
        network = build_network(self.config, spec)
        restore_tensors(network, found.path / WEIGHTS)
        network.to(device).eval()
        seed = getattr(chosen, "seed", None) or 0
        rng = np.random.default_rng(seed)
        graphs = are_captured(self.config.cuda_graphs, device, rule, network)
        self.policy = EpsilonGreedy(
            network, rule.values, env.num_actions, rng, seed, device, graphs=graphs
        )

    def env(self, num_envs: int = 1) -> Env:
        """Copies of the environment that it was trained in; `close()` them afterwards."""
        return build_env(self.config, num_envs=num_envs)

    def act(self, observation: ArrayLike, epsilon: float = 0.0) -> NDArray[np.int64]:
        """Actions i64 [N] for observations [N, K, *frame], at random with probability `epsilon`.

        Raises:
            ValueError: if observations are not numbers, or of another shape.
        """
        return self.policy.act(self._as_observation(observation), epsilon)[0]

    def _as_observation(self, given: ArrayLike) -> NDArray[np.generic]:
        """As an array of the environment's type; fractions stay what they are."""
        shape = ", ".join(map(str, ("N", *self.observation_shape)))
        expected = f"observations must be {self._dtype} ({shape})"
        try:
            found = np.asarray(given)
        except (ValueError, TypeError, RuntimeError) as error:  # lists of unequal lengths, tensors
            raise ValueError(f"{expected}, and are no array ({error})") from error
        if found.dtype.kind not in "buif" or found.shape[1:] != self.observation_shape:
            raise ValueError(f"{expected}, and are {found.dtype} {found.shape}")
        if found.dtype.kind == "f":
            return found
        observation = found.astype(self._dtype, copy=False)
        if (observation != found).any():
            raise ValueError(f"{expected}, and are from {found.min()} to {found.max()}")
        return observation

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """With the run's threads and determinism; want of memory is told in one line."""
        with (
            torch_settings(self.config.cpu_threads, self.config.deterministic),
            shortage_told(lambda: "choose another device"),
        ):
            yield

    def explore_from(self, seed: int) -> None:
        """Draw from `seed` from now on, as an agent that was loaded with it."""
        self.policy = self.policy.seeded(seed)


def evaluated(
    chosen: EvaluateConfig, between_steps: Callable[[], None] = lambda: None
) -> Evaluation:
    """Score a checkpoint, leave the score in the run's directory, and track it if asked to.

    Args:
        chosen: what to score, and how.
        between_steps: called before every step; what it raises ends the evaluation.

    Raises:
        ConfigError: see `TrainedAgent`.
    """
    agent = TrainedAgent(chosen)
    protocol = chosen.model_dump(include={"episodes", "epsilon", "num_envs"}, exclude_none=True)
    agent.config.evaluation.update(protocol)
    camera = _camera(agent.config)
    with agent.at_work():
        evaluation = evaluate(
            agent.config,
            agent.policy,
            agent.step,
            chosen.seed,
            between_steps,
            chosen.max_frames,
            camera,
            chosen.run,
        )
    path = scored_film(chosen.run, agent.step)
    with TemporaryDirectory() as folder:
        film = camera.film(Path(folder, path.name), between_steps) if camera else None
        try:
            with owned(chosen.run, "run"):  # only now: a training that goes on is not kept out
                evaluation.write(chosen.run)
                path.unlink(missing_ok=True)  # of another score
                if film:
                    path.parent.mkdir(exist_ok=True)
                    film = Path(shutil.move(film, path))
                    log.info(f"its first episode: {film}")
                if chosen.track:
                    _track(agent.config, chosen.run, evaluation, film)
        except NotOursError as error:
            log.warning(f"{error}; the score is neither left there nor added to its W&B run")
        except OSError as error:
            log.error(f"{error.filename or chosen.run} cannot be written ({error.strerror})")
    return evaluation


def _camera(config: DictConfig) -> Camera | None:
    """As the run was filmed, where that can be done here as well."""
    try:
        return camera_of(config)
    except ConfigError as error:
        log.warning(f"{error}; the score comes without a film")
        return None


def _track(config: DictConfig, run_dir: Path, evaluation: Evaluation, film: Path | None) -> None:
    run = TrackedRun(run_dir, plain_config(config), run_dir.name)
    try:
        tracker = build_tracker(config, run)
        tell_again(run_dir, tracker)
        tracker.summarise(evaluation.summary())
        send_film(tracker, film, None)
        tracker.close(0)
    except ConfigError as error:  # of a machine that is not the run's
        log.warning(f"{error}; the score is not added to the tracker")
    except Exception as error:  # of whatever it depends on
        log.warning(f"the tracker failed ({error!r}); the score is not added to it")
