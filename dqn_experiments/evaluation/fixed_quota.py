"""Scores over a fixed number of whole episodes per environment."""

from collections.abc import Callable
from contextlib import closing

import numpy as np

from dqn_experiments.config.constraints import Count, OptionalCount, UnitInterval
from dqn_experiments.experience.contract import Env, Policy
from dqn_experiments.experience.played import PlayedEpisode
from dqn_experiments.experience.stacking import FrameStack
from dqn_experiments.machine.episode_progress import EpisodeProgress


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
        video: bool,  # of the run, which films what this plays
    ) -> None:
        self.every = every
        self.num_envs = min(num_envs, episodes)
        self.max_frames = max_frames
        self.epsilon = epsilon
        self._episodes = episodes

    def run(
        self, env: Env, policy: Policy, seed: int, between_steps: Callable[[], None]
    ) -> list[PlayedEpisode]:
        """The episodes, in the order of environments.

        Args:
            env: `num_envs` environments.
            policy: acts with `epsilon`.
            seed: of the environments.
            between_steps: called before every step; what it raises ends the evaluation.
        """
        quota = np.full(env.num_envs, self._episodes // env.num_envs)
        quota[: self._episodes % env.num_envs] += 1
        played: list[list[PlayedEpisode]] = [[] for _ in range(env.num_envs)]
        stack = FrameStack(env.num_envs, env.observation_shape, env.dtype)
        stack.reset(env.reset(seed))
        score, length = np.zeros(env.num_envs), np.zeros(env.num_envs, np.int64)
        done = steps = 0
        with closing(EpisodeProgress(self._episodes)) as progress:
            while done < self._episodes:
                between_steps()
                timestep = env.step(policy.act(stack.observation, self.epsilon)[0])
                stack.push(timestep.first_frame, timestep.done)
                score += timestep.score
                length += 1
                for index in np.flatnonzero(timestep.done & (quota > 0)):
                    cut = not timestep.terminal[index]
                    episode = PlayedEpisode(float(score[index]), int(length[index]), cut)
                    played[index].append(episode)
                    quota[index] -= 1
                    done += 1
                score[timestep.done] = length[timestep.done] = 0
                steps += env.num_envs
                progress.show(done, steps)
        return [episode for episodes in played for episode in episodes]
