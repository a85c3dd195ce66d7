"""Scores over a fixed number of whole episodes per environment."""

from collections.abc import Callable

import numpy as np

from dqn_experiments.config.constraints import Count, OptionalCount, UnitInterval
from dqn_experiments.experience.contract import Env, Policy
from dqn_experiments.experience.stacking import FrameStack
from dqn_experiments.machine.progress_bar import progress_bar


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
        self, env: Env, policy: Policy, seed: int, between_steps: Callable[[], None]
    ) -> list[float]:
        """Returns (raw, undiscounted) of the episodes, in the order of environments.

        Args:
            env: `num_envs` environments.
            policy: acts with `epsilon`.
            seed: of the environments.
            between_steps: called before every step; what it raises ends the evaluation.
        """
        quota = np.full(env.num_envs, self._episodes // env.num_envs)
        quota[: self._episodes % env.num_envs] += 1
        returns: list[list[float]] = [[] for _ in range(env.num_envs)]
        stack = FrameStack(env.num_envs, env.observation_shape, env.dtype)
        stack.reset(env.reset(seed))
        running = np.zeros(env.num_envs)
        with progress_bar(total=self._episodes, desc="evaluation", leave=False) as progress:
            while sum(map(len, returns)) < self._episodes:
                between_steps()
                timestep = env.step(policy.act(stack.observation, self.epsilon)[0])
                stack.push(timestep.first_frame, timestep.done)
                running += timestep.score
                for index in np.flatnonzero(timestep.done):
                    if len(returns[index]) < quota[index]:
                        returns[index].append(float(running[index]))
                        progress.update()
                running[timestep.done] = 0
        return [score for scores in returns for score in scores]
