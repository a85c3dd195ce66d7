"""The stack that acts is the stack that gymnasium shows."""

import gymnasium
import numpy as np
from gymnasium.wrappers import FrameStackObservation

from dqn_experiments.experience.stacking import FrameStack, lookback


def test_lookback_repeats_the_first_frame_of_an_episode() -> None:
    assert lookback(np.array([0, 1, 2, 3, 9]), 4).tolist() == [
        [0, 0, 0, 0],
        [1, 1, 1, 0],
        [2, 2, 1, 0],
        [3, 2, 1, 0],
        [3, 2, 1, 0],
    ]


def test_stacks_are_gymnasiums_across_episodes() -> None:
    peer = FrameStackObservation(gymnasium.make("CartPole-v1"), 3)
    expected, _ = peer.reset(seed=0)
    stack = FrameStack(1, (3, 4), np.float32)
    stack.reset(expected[-1])
    episodes = 0
    while episodes < 5:
        np.testing.assert_array_equal(stack.observation[0], expected)
        expected, _, terminated, _, _ = peer.step(episodes % 2)
        if terminated:
            expected, _ = peer.reset()
            episodes += 1
        stack.push(expected[-1], np.array([terminated]))
