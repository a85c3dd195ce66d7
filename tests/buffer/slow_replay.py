"""A replay memory that keeps whole episodes in lists, and what both memories are filled with."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dqn_experiments.buffer.prioritized import PrioritizedReplay
from dqn_experiments.buffer.replay import Replay
from dqn_experiments.buffer.uniform import UniformReplay
from dqn_experiments.experience.batch import Batch
from dqn_experiments.experience.spec import ReplaySpec
from dqn_experiments.experience.timestep import Timestep

DISCOUNT = 0.9
KINDS = {"uniform": UniformReplay, "prioritized": PrioritizedReplay}
OWN: dict[str, dict[str, Any]] = {
    "uniform": {"replace": True},
    "prioritized": {
        "alpha": 0.6,
        "beta": lambda step: 0.5,
        "epsilon": 1e-6,
        "max_priority": None,
        "uniform_mix": 0.0,
    },
}


def make(kind: str = "uniform", num_envs: int = 1, stack: int = 1, **changes: Any) -> Any:
    """A memory of screens of 4 bytes, or of numbers where `dtype` says so."""
    dtype = np.dtype(changes.pop("dtype", np.uint8))
    frame = changes.pop("frame", (4 // dtype.itemsize,))
    rng = np.random.default_rng(changes.pop("seed", 0))
    options: dict[str, Any] = {
        "capacity": 100,
        "batch_size": 16,
        "n_step": 1,
        "discount": DISCOUNT,
        "compression": "zstd",
        "device": "auto",
        "read_ahead": True,
        **OWN[kind],
        **changes,
    }
    spec = ReplaySpec(num_envs, (stack, *frame), dtype, rng, torch.device("cpu"))
    return KINDS[kind](spec, **options)


def check(replay: Any) -> None:
    """A memory holds against one another what it takes in; what can be drawn has a priority."""
    replay.load_state_dict(replay.state_dict())
    if isinstance(replay, PrioritizedReplay):
        index = replay._rings.stored_index(np.arange(len(replay)))
        env, number = replay._rings.slot(index)
        drawable = replay._tree.leaves[replay._leaf(index)] > 0
        settled = number < replay._seen[env]
        assert (drawable == replay._rings.complete(index))[settled].all()


def name(frame: NDArray[np.generic]) -> int:
    """The number that was written into a frame."""
    return int(np.ascontiguousarray(frame).view(np.uint32)[0])


@dataclass
class Episode:
    """All there is to know of one episode."""

    frames: list[int]
    actions: list[int] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    terminals: list[bool] = field(default_factory=list)

    def stack(self, t: int, size: int) -> list[int]:
        return [self.frames[max(0, t - back)] for back in reversed(range(size))]

    def transition(self, t: int, n: int, stack: int) -> dict[str, Any]:
        """Written as the definition of an n-step transition reads."""
        reward, discount, end = 0.0, 1.0, t
        while end < min(t + n, len(self.actions)):
            reward += discount * self.rewards[end]
            discount *= DISCOUNT
            end += 1
            if self.terminals[end - 1]:
                discount = 0.0
                break
        return {
            "observation": self.stack(t, stack),
            "action": self.actions[t],
            "reward": np.float32(reward),
            "discount": np.float32(discount),
            "next_observation": self.stack(end, stack),
        }


class Player:
    """Plays random episodes into memories and into lists; every frame is a number of its own."""

    def __init__(self, seed: int, replay: Replay, num_envs: int, dtype: Any = np.uint8) -> None:
        self.rng, self.replays, self.num_envs = np.random.default_rng(seed), [replay], num_envs
        self.dtype, self.names = np.dtype(dtype), count()
        frame, names = self.new_frames()
        self.episodes = [[Episode([number])] for number in names]
        replay.reset(frame)

    def new_frames(self) -> tuple[NDArray[Any], list[int]]:
        names = [next(self.names) for _ in range(self.num_envs)]
        return np.array(names, np.uint32)[:, None].view(self.dtype), names

    def play(self, steps: int) -> None:
        for _ in range(steps):
            action = self.rng.integers(4, size=self.num_envs)
            reward = self.rng.normal(size=self.num_envs).astype(np.float32)
            chances = (0.1, 0.05, 0.05)
            terminated, truncated, life = (self.rng.random(self.num_envs) < p for p in chances)
            done, terminal = terminated | truncated, terminated | life
            (frame, names), (first, first_names) = self.new_frames(), self.new_frames()
            after = np.where(done[:, None], first, frame)
            timestep = Timestep(frame, reward, reward, terminal, done, after)
            for replay in self.replays:
                replay.add(action, timestep)
            for env, episodes in enumerate(self.episodes):
                episode = episodes[-1]
                episode.frames.append(names[env])
                episode.actions.append(int(action[env]))
                episode.rewards.append(float(reward[env]))
                episode.terminals.append(bool(terminal[env]))
                if done[env]:
                    episodes.append(Episode([first_names[env]]))

    def transitions(self, n_step: int, stack: int) -> dict[int, dict[str, Any]]:
        """All there ever were, by the name of the frame they start at."""
        return {
            episode.frames[t]: episode.transition(t, n_step, stack)
            for episodes in self.episodes
            for episode in episodes
            for t in range(len(episode.actions))
        }

    def stored(self, slots: int, n_step: int) -> set[int]:
        """Where transitions start that lie in the newest `slots` frames and have all n steps."""
        starts = set()
        for episodes in self.episodes:
            frames = [frame for episode in episodes for frame in episode.frames]
            newest = set(frames[-slots:])
            for episode in episodes:
                over = episode is not episodes[-1]
                last = len(episode.actions) if over else len(episode.actions) - n_step + 1
                starts |= newest & set(episode.frames[: max(0, last)])
        return starts


def rows(batch: Batch) -> list[tuple[int, dict[str, Any]]]:
    """Each transition of a batch and the name of the frame it starts at."""
    return [
        (
            name(batch.observation[row, -1].numpy()),
            {
                "observation": [name(frame) for frame in batch.observation[row].numpy()],
                "action": int(batch.action[row]),
                "reward": batch.reward[row].numpy(),
                "discount": batch.discount[row].numpy(),
                "next_observation": [name(frame) for frame in batch.next_observation[row].numpy()],
            },
        )
        for row in range(len(batch.action))
    ]


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Field by field; sums of rewards up to the rounding of their order."""
    assert found["observation"] == expected["observation"]
    assert found["next_observation"] == expected["next_observation"]
    assert found["action"] == expected["action"]
    np.testing.assert_allclose(found["reward"], expected["reward"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["discount"], expected["discount"], rtol=1e-6)
