"""Scores over a fixed number of whole episodes per environment."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dqn_experiments.constraints import Count, OptionalCount, UnitInterval
from dqn_experiments.stacking import FrameStack
from dqn_experiments.timestep import Timestep


class Env(Protocol):
    """What is played."""

    num_envs: int
    observation_shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    def reset(self, seed: int) -> NDArray[np.generic]:
        """First frames [N, *frame]."""

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """The outcome of one action in each environment."""


class Agent(Protocol):
    """Who plays."""

    def act(
        self, observation: NDArray[np.generic], epsilon: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Actions, and the values of the greedy ones."""


class FixedQuota:
    """Every environment plays the same number of episodes, one more for the first few.

    Taking the first episodes to end among parallel environments would favour short ones, and so
    low scores; a quota per environment does not.
    """

    def __init__(
        self,
        *,
        every: OptionalCount,
        episodes: Count,
        epsilon: UnitInterval,
        num_envs: Count,
        max_frames: Count | None,
    ) -> None:
        self.every = every
        self.num_envs = min(num_envs, episodes)
        self.max_frames = max_frames
        self.epsilon = epsilon
        self._episodes = episodes

    def run(
        self, env: Env, agent: Agent, seed: int, between_steps: Callable[[], None]
    ) -> list[float]:
        """Returns (raw, undiscounted) of the episodes, in the order of environments.

        Args:
            env: `num_envs` environments.
            agent: acts with `epsilon`.
            seed: of environments and policy.
            between_steps: called before every step; what it raises ends the evaluation.
        """
        quota = np.full(env.num_envs, self._episodes // env.num_envs)
        quota[: self._episodes % env.num_envs] += 1
        returns: list[list[float]] = [[] for _ in range(env.num_envs)]
        rng = np.random.default_rng(seed)
        stack = FrameStack(env.num_envs, env.observation_shape, env.dtype)
        stack.reset(env.reset(seed))
        running = np.zeros(env.num_envs)
        with tqdm(total=self._episodes, desc="evaluation", leave=False, disable=None) as progress:
            while sum(map(len, returns)) < self._episodes:
                between_steps()
                timestep = env.step(agent.act(stack.observation, self.epsilon, rng)[0])
                stack.push(timestep.first_frame, timestep.done)
                running += timestep.score
                for index in np.flatnonzero(timestep.done):
                    if len(returns[index]) < quota[index]:
                        returns[index].append(float(running[index]))
                        progress.update()
                running[timestep.done] = 0
        return [score for scores in returns for score in scores]
