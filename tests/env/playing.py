"""Environments of gymnasium, and random players of them."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from dqn_experiments.env.gymnasium import GymnasiumEnv


def make(env_id: str, **changes: Any) -> GymnasiumEnv:
    arguments: dict[str, Any] = {"num_envs": 3, "max_frames": None, "kwargs": {}, **changes}
    return GymnasiumEnv(id=env_id, frame_stack=1, clip_rewards=False, **arguments)


def play(env: GymnasiumEnv, steps: int, seed: int) -> Iterator[Any]:
    """All that random actions lead to, an environment being seeded now and then."""
    rng = np.random.default_rng(seed)
    for step in range(steps):
        if step % 50 == 0:
            yield env.reset(seed + step, rng.permutation(env.num_envs) == 0).copy()
        yield from vars(env.step(rng.integers(env.num_actions, size=env.num_envs))).values()
