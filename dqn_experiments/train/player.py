"""The player: environments, what they show, who acts in them, and what comes of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqn_experiments.errors import StateError
from dqn_experiments.experience.stacking import FrameStack
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.run.record import Episode
from dqn_experiments.state import State, part
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.recorded_env import RecordedEnv
from dqn_experiments.train.statistics import EpisodeStatistics


class Played(NamedTuple):
    """One step in each of N environments."""

    action: NDArray[np.int64]
    """i64 [N]."""
    value: NDArray[np.float32]
    """f32 [N]: what the policy saw in its greedy actions; NaN where it explored."""
    epsilon: float
    timestep: Timestep


class Player:
    """Plays N environments side by side.

    Args:
        env: what is played.
        policy: chooses the actions.
        observation_shape: (K, *frame) that it sees.
        dtype: of a frame.
        own_thread: whether environments step in one, beside whatever else is computed.
    """

    def __init__(
        self,
        env: RecordedEnv,
        policy: EpsilonGreedy,
        observation_shape: tuple[int, ...],
        dtype: np.dtype[np.generic],
        own_thread: bool = False,
    ) -> None:
        self.num_envs, self.frame_skip = env.num_envs, env.frame_skip
        self.policy = policy
        self._env = env
        self._stack = FrameStack(env.num_envs, observation_shape, dtype)
        self._statistics = EpisodeStatistics(env.num_envs)
        self._thread = ThreadPoolExecutor(1) if own_thread else None

    def start(self) -> NDArray[np.generic]:
        """Begin an episode everywhere; returns the first frames [N, *frame]."""
        frame = self._env.reset()
        self._stack.reset(frame)
        return frame

    def begin_step(self, epsilon: float) -> Callable[[], Played]:
        """Choose an action everywhere, exploring with that probability.

        What it returns is to be called once: it takes the step, or waits for the thread that does.
        """
        action, value = self.policy.act(self._stack.observation, epsilon)
        step = partial(self._env.step, action)
        outcome = self._thread.submit(copy_context().run, step).result if self._thread else step

        def finish() -> Played:
            timestep = outcome()
            self._stack.push(timestep.first_frame, timestep.done)
            return Played(action, value, epsilon, timestep)

        return finish

    def ended(
        self, played: Played, step: int, losses: Callable[[], NDArray[np.float64]]
    ) -> list[Episode]:
        """The episodes that ended with what was just played.

        Args:
            played: what came of a step.
            step: agent steps of the run by now.
            losses: see `EpisodeStatistics.add`.
        """
        return self._statistics.add(step, played.epsilon, played.value, played.timestep, losses)

    def close(self) -> None:
        """Release the environments, once they have taken a step that was begun."""
        if self._thread:
            self._thread.shutdown()
        self._env.close()

    def state_dict(self) -> State:
        """Half-played episodes, what they have gathered, and where the policy's streams are."""
        return {
            "env": self._env.state_dict(),
            "stack": self._stack.state_dict(),
            "policy": self.policy.state_dict(),
            "statistics": self._statistics.state_dict(),
        }

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError if it does not fit."""
        self._stack.load_state_dict(part(state, "stack"))
        self.policy.load_state_dict(part(state, "policy"))
        self._statistics.load_state_dict(part(state, "statistics"))
        env = part(state, "env")
        if not self._shows(self._env.load_state_dict(env)) and not (
            env.get("shortcuts") and self._shows(self._env.load_state_dict(env | {"shortcuts": {}}))
        ):
            raise StateError(
                "env: shows something else after the same actions; must be the same versions of "
                "its packages"
            )

    def _shows(self, frame: NDArray[np.generic]) -> bool:
        return np.array_equal(frame, self._stack.observation[:, -1], equal_nan=True)
