"""Measure the whole loop against Stable-Baselines3's, the notebook's, and what must be computed.

    python benchmarks/throughput.py --seconds 60 --json throughput.json

All do the same work: Breakout, batches of 32, an update every fourth step, the network of Mnih et
al. 2015, Adam. Each has a process of its own, set up as it sets itself up, and they take turns, so
that a machine's better and worse minutes are everyone's. The floor is the kernels of an update
(what its layers compute forwards and backwards, bytes to floats, Adam) and the emulator, and
nothing else: not even acting.

`--seconds` is each one's time in all, once it learns; memories are filled first.
"""

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import ale_py
import gymnasium
import numpy as np
import torch
from ale_py.vector_env import AtariVectorEnv
from numpy.typing import NDArray
from steps_per_second import started
from torch import Tensor, nn
from tqdm import tqdm

from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.machine.heap import keep_freed_memory

TURN = 2.0  # seconds
QUARTILES = 0.25, 0.75
FILLED = 2_000  # steps until updates begin
BATCH, UPDATE_EVERY, LEARNING_RATE, DISCOUNT = 32, 4, 2e-4, 0.99
TARGET_EVERY = 1_200
EPSILON = 0.1

Advance = Callable[[], int]
"""Go on a little; how many steps that was."""


@contextmanager
def ours(*overrides: str) -> Iterator[Advance]:
    """The default recipe, with everything that a run does between its steps."""
    recipe = [f"learning_starts={FILLED}", f"schedule.end={EPSILON}", "schedule.steps=1"]
    with tempfile.TemporaryDirectory() as folder, torch_settings(None):
        session = started(["env=breakout", "schedule.delay=0", *recipe, *overrides], folder)

        def advance() -> int:
            before = session.loop.step
            session.advance()
            return session.loop.step - before

        with session.closed_at_the_end():
            yield advance


@contextmanager
def stable_baselines3() -> Iterator[Advance]:
    """Its DQN, with the wrappers that its zoo has for Atari; `advance` is a turn of its `learn`."""
    from stable_baselines3 import DQN
    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.vec_env import VecFrameStack

    env = VecFrameStack(make_atari_env("BreakoutNoFrameskip-v4"), 4)
    agent: Any = DQN(
        "CnnPolicy",
        env,
        learning_rate=LEARNING_RATE,
        buffer_size=20_000,
        learning_starts=FILLED,
        batch_size=BATCH,
        gamma=DISCOUNT,
        train_freq=UPDATE_EVERY,
        target_update_interval=TARGET_EVERY,
        exploration_initial_eps=EPSILON,
        exploration_final_eps=EPSILON,
    )
    _, callback = agent._setup_learn(10**9)
    callback.on_training_start({}, {})

    def advance() -> int:
        before = agent.num_timesteps
        agent.collect_rollouts(
            agent.env,
            callback,
            agent.train_freq,
            agent.replay_buffer,
            agent.action_noise,
            agent.learning_starts,
            log_interval=4,
        )
        if agent.num_timesteps > agent.learning_starts:
            agent.train(gradient_steps=1, batch_size=BATCH)
        return int(agent.num_timesteps - before)

    filled(advance)
    yield advance
    env.close()


@contextmanager
def notebook() -> Iterator[Advance]:
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


def nature_cnn(num_actions: int) -> nn.Sequential:
    """As the notebook writes it, but that bytes are scaled by whoever calls."""
    return nn.Sequential(
        *(nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3, 1), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, num_actions)),
    )


@contextmanager
def floor() -> Iterator[Advance]:
    """Four steps of the emulator, and what an update must compute."""
    keep_freed_memory()
    network = nature_cnn(4).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    pixels = torch.randint(256, (BATCH, 4, 84, 84), dtype=torch.uint8)
    gradient = torch.randn(BATCH, 4)
    env = AtariVectorEnv("breakout", 1, stack_num=1)
    env.reset(seed=0)
    draw = np.random.default_rng(0)

    def floats() -> Tensor:
        return pixels.float().contiguous(memory_format=torch.channels_last)

    def advance() -> int:
        for _ in range(UPDATE_EVERY):
            env.step(draw.integers(4, size=1))
        with torch.no_grad():
            network(floats())
        network(floats()).backward(gradient)
        optimizer.step()
        optimizer.zero_grad()
        return UPDATE_EVERY

    filled(advance)
    yield advance
    env.close()


def filled(advance: Advance) -> None:
    """Go on until updates have begun."""
    steps = 0
    while steps < FILLED + 1_000:
        steps += advance()


def rate(advance: Advance, seconds: float) -> float:
    """Steps/s over a turn."""
    steps, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        steps += advance()
    return steps / took


CONTESTANTS: dict[str, Callable[[], Any]] = {
    "ours": ours,
    "ours, 8 environments": lambda: ours("env.num_envs=8"),
    "Stable-Baselines3": stable_baselines3,
    "the notebook": notebook,
    "floor": floor,
}


def contestant(name: str, turns: Connection) -> None:
    """Go on for as many seconds as one is told, again and again; tell steps/s."""
    with CONTESTANTS[name]() as advance:
        turns.send(None)
        while seconds := turns.recv():
            turns.send(rate(advance, seconds))


def measured(names: list[str], seconds: float) -> dict[str, NDArray[np.float64]]:
    """Steps/s of each in each of its turns; nobody always goes first."""
    turns, spawn = max(3, round(seconds / TURN)), multiprocessing.get_context("spawn")
    rates, ends = {name: np.empty(turns) for name in names}, {}
    for name in names:
        ends[name], theirs = spawn.Pipe()
        spawn.Process(target=contestant, args=(name, theirs), daemon=True).start()
        theirs.close()
        ends[name].recv()  # one after the other, or they would be in each other's way
    for turn in tqdm(range(turns), "turns", disable=None):
        for name in np.roll(names, turn).tolist():
            ends[name].send(seconds / turns)
            rates[name][turn] = ends[name].recv()
    for end in ends.values():
        end.send(None)
    return rates


def figures(rates: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Medians, quartiles, and ratios of turns side by side."""

    def over(one: str, other: str) -> float | None:
        if one not in rates or other not in rates:
            return None
        return float(np.median(rates[one] / rates[other]))

    return {
        "steps_per_second": {name: float(np.median(each)) for name, each in rates.items()},
        "quartiles": {
            name: np.quantile(each, [0.25, 0.75]).tolist() for name, each in rates.items()
        },
        "ours_over_sb3": over("ours", "Stable-Baselines3"),
        "ours_8_over_sb3": over("ours, 8 environments", "Stable-Baselines3"),
        "ours_over_notebook": over("ours", "the notebook"),
        "share_of_floor": over("ours", "floor"),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS))
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = figures(measured(options.only, options.seconds))
    baseline = found["steps_per_second"].get("Stable-Baselines3")
    for name, median in found["steps_per_second"].items():
        low, high = found["quartiles"][name]
        times = f", {median / baseline:.2f} times Stable-Baselines3" if baseline else ""
        print(f"{name}: {median:.0f} steps/s (quartiles {low:.0f} to {high:.0f}){times}")
    print(f"of the floor: {found['share_of_floor']}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
