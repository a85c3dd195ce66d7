"""The loop of the notebook that this project grew from, on today's packages."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import ale_py
import gymnasium
import numpy as np
import torch
from loops.nature_cnn import nature_cnn
from loops.work import (
    BATCH,
    DISCOUNT,
    EPSILON,
    FILLED,
    LEARNING_RATE,
    TARGET_EVERY,
    UPDATE_EVERY,
    Advance,
    filled,
)
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm


@contextmanager
def loop() -> Iterator[Advance]:
    """One environment, whole observations stored twice, PyTorch as it comes."""
    gymnasium.register_envs(ale_py)
    emulator = gymnasium.make("ALE/Breakout-v5", frameskip=1)
    env = gymnasium.wrappers.FrameStackObservation(
        gymnasium.wrappers.AtariPreprocessing(emulator, frame_skip=4), 4
    )
    played = _notebook_steps(env)

    def advance() -> int:
        next(played)
        return 1

    filled(advance)
    yield advance
    env.close()


def _notebook_steps(env: Any) -> Iterator[None]:
    network = nature_cnn(env.action_space.n)
    target, memory = deepcopy(network), Stored(20_000)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    observation, _ = env.reset(seed=0)
    with tqdm(disable=None) as bar:
        for step in range(10**9):
            if np.random.random() < EPSILON:
                action = env.action_space.sample()
            else:
                with torch.no_grad():
                    seen = torch.tensor(np.array(observation), dtype=torch.float32)
                    action = network(seen[None]).argmax(dim=1).item()
            following, reward, terminated, truncated, _ = env.step(action)
            memory.add(observation, following, action, np.sign(reward), terminated)
            observation = env.reset()[0] if terminated or truncated else following
            if step > FILLED and step % UPDATE_EVERY == 0:
                before, after, actions, rewards, ended = memory.sample()
                with torch.no_grad():
                    goal = rewards + DISCOUNT * target(after).amax(dim=1) * ~ended.bool()
                values = network(before).gather(1, actions.long()[:, None]).squeeze(1)
                loss = nn.functional.huber_loss(goal, values)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                bar.set_postfix(loss=loss.item())
            if step > FILLED and step % TARGET_EVERY == 0:
                target = deepcopy(network)
            bar.update()
            yield


class Stored:
    """The notebook's replay memory."""

    def __init__(self, size: int) -> None:
        self._arrays: list[NDArray[Any]] = [
            np.empty((size, 4, 84, 84), np.uint8),
            np.empty((size, 4, 84, 84), np.uint8),
            np.empty(size, np.uint8),
            np.empty(size, np.float16),
            np.empty(size, np.bool_),
        ]
        self._added = 0

    def add(self, *transition: Any) -> None:
        """One more, in the place of the oldest."""
        for array, value in zip(self._arrays, transition, strict=True):
            array[self._added % len(array)] = value
        self._added += 1

    def sample(self) -> list[Tensor]:
        """A batch as floats."""
        stored = min(self._added, len(self._arrays[0]))
        index = np.random.choice(stored, BATCH, replace=False)
        return [torch.as_tensor(array[index], dtype=torch.float32) for array in self._arrays]
