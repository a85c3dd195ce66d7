"""Measure the replay memory with real frames: how much it takes, how long adding and sampling take.

    python benchmarks/replay.py --games breakout,pong --capacity 1000000 --json out.json
    python benchmarks/replay.py --games suite --frames 50000 --memory-only --plot memory.png
    python benchmarks/replay.py --games breakout --capacity 100000 --peers

Each game is played at random, in eight environments, by a process of its own: resident memory is
what the process has more of once the memory is full. Times are of one core, without reading ahead:
drawing, decoding and stacking a batch of 32; the best of 30 rounds, as other processes can only
make them longer. `--peers` needs stable-baselines3 (pip install -e '.[benchmarks]').
"""

import argparse
import csv
import gc
import json
import os
import statistics
import tempfile
import timeit
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import psutil
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from tqdm import tqdm

from dqn_experiments import reference, state
from dqn_experiments.config.components import build_env, build_replay
from dqn_experiments.config.compose import composed
from dqn_experiments.experience.spec import ReplaySpec
from dqn_experiments.experience.stacking import FrameStack
from dqn_experiments.experience.timestep import Timestep

CPU = torch.device("cpu")
SMALL = 10_000
NOISE = "yars_revenge"  # the one game whose screen holds noise

Measured = dict[str, float]


def memory_for(env: Any, *overrides: str) -> Any:
    """An empty replay memory for what `env` shows, whose batches are drawn on the spot."""
    run = ("total_steps=10_000_000", "learning_starts=1_000", f"env.num_envs={env.num_envs}")
    config = composed(*run, "buffer.read_ahead=false", *overrides)
    rng = np.random.default_rng(0)
    spec = ReplaySpec(env.num_envs, env.observation_shape, env.dtype, rng, CPU)
    return build_replay(config, spec)


def fill(env: Any, memory: Any, steps: int, title: str) -> None:
    """Play `steps` steps at random."""
    rng = np.random.default_rng(0)
    memory.reset(env.reset(0))
    for _ in tqdm(range(0, steps, env.num_envs), title, disable=None, unit_scale=env.num_envs):
        action = rng.integers(env.num_actions, size=env.num_envs)
        memory.add(action, env.step(action))


def resident() -> int:
    """Bytes of this process that lie in memory."""
    gc.collect()
    return psutil.Process().memory_info().rss


def use_one_core() -> None:
    """Keep this process to one core, where the system allows it."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def best(*functions: Callable[[], object], number: int, rounds: int = 30) -> list[float]:
    """Seconds of one call of each, in the best of `rounds` in which they take turns."""
    seconds = [[timeit.timeit(each, number=number) for each in functions] for _ in range(rounds)]
    return [min(each) / number for each in zip(*seconds, strict=True)]


def measure(game: str, capacity: int, frames: int, memory_only: bool) -> Measured:
    """Everything about one game, after so many frames of it."""
    env = build_env(composed(f"env={game}", "env.num_envs=8"))
    memory = memory_for(env, f"env={game}", "buffer.capacity=2000", "buffer.batch_size=1")
    fill(env, memory, 2_000, f"{game}, warming up")  # what is loaded or cached is there by now
    before = resident()
    memory = memory_for(env, f"env={game}", f"buffer.capacity={capacity}")
    fill(env, memory, frames, game)
    size = resident() - before
    measured = {
        "resident_gb": size / 1e9,
        "resident_bytes_per_transition": size / frames,
        "bytes_per_transition": memory.full_nbytes / capacity,
    }
    if not memory_only:
        use_one_core()
        measured |= sampling(game, capacity, env, memory)
        measured |= adding(game)
        measured |= saving(env, memory, game, capacity)
    env.close()
    return measured


def sampling(game: str, capacity: int, env: Any, memory: Any) -> Measured:
    """Milliseconds per batch, of several memories that hold the same frames."""
    small = memory_for(env, f"env={game}", f"buffer.capacity={SMALL}")
    fill(env, small, 3 * SMALL, f"{game}, {SMALL:,} frames")  # until the dictionary serves all
    rings = memory.state_dict()["rings"]

    def sharing(n_step: int, *overrides: str) -> Any:
        overrides = (f"env={game}", f"buffer.capacity={capacity}", *overrides)
        other = memory_for(env, *overrides, f"buffer.n_step={n_step}")
        other.load_state_dict({**other.state_dict(), "rings": {**rings, "n_step": n_step}})
        return other

    three_steps, prioritized = sharing(3), sharing(1, "buffer=prioritized")
    error = torch.rand(32)

    def learn() -> None:
        prioritized.update(prioritized.sample().index, error)

    names = ("sample_ms", "sample_ms_10k", "sample_ms_n_step_3", "prioritized_ms")
    seconds = best(memory.sample, small.sample, three_steps.sample, learn, number=100)
    return {name: 1e3 * each for name, each in zip(names, seconds, strict=True)}


def recorded(game: str, steps: int) -> tuple[NDArray[np.generic], list[Timestep]]:
    """The first frame and what followed, in one environment."""
    env, rng = build_env(composed(f"env={game}")), np.random.default_rng(0)
    first = env.reset(0).copy()
    played = [env.step(rng.integers(env.num_actions, size=1)) for _ in range(steps)]
    env.close()
    return first, played


def adding(game: str) -> Measured:
    """Microseconds per transition of one environment."""
    env = build_env(composed(f"env={game}"))
    memory, action = memory_for(env, f"env={game}"), np.zeros(1, np.int64)
    env.close()
    first, played = recorded(game, 5_000)
    memory.reset(first)

    def add_all() -> None:
        for timestep in played:
            memory.add(action, timestep)

    (seconds,) = best(add_all, number=1)
    return {"add_us": 1e6 * seconds / len(played)}


def saving(env: Any, memory: Any, game: str, capacity: int) -> Measured:
    """Seconds to save and to load, and the size of the file."""
    copy = memory_for(env, f"env={game}", f"buffer.capacity={capacity}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "replay"
        save_s = timeit.timeit(lambda: state.save(path, memory.state_dict()), number=1)
        load_s = timeit.timeit(lambda: copy.load_state_dict(state.load(path)), number=1)
        return {"save_s": save_s, "load_s": load_s, "saved_gb": path.stat().st_size / 1e9}


class NotebookMemory:
    """As many people write it, and as the notebook that this project grew from did.

    Both observations of a transition are stored whole; a batch without replacement permutes all
    indices, and becomes float32 before anything else.
    """

    def __init__(self, capacity: int, shape: tuple[int, ...]) -> None:
        self._now = np.empty((capacity, *shape), np.uint8)
        self._next = np.empty((capacity, *shape), np.uint8)
        self._action = np.empty((capacity, 1), np.uint8)
        self._reward = np.empty(capacity, np.float16)
        self._done = np.empty(capacity, np.bool_)
        self._size = 0

    def add(self, *row: Any) -> None:
        """Store observation, next observation, action, reward and done."""
        for column, value in zip(self._columns(), row, strict=True):
            column[self._size : self._size + 1] = value
        self._size += 1

    def sample(self) -> list[torch.Tensor]:
        """A batch of 32."""
        index = np.random.choice(self._size, 32, replace=False)
        return [torch.as_tensor(column[index], dtype=torch.float32) for column in self._columns()]

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self._now, self._next, self._action, self._reward, self._done


def measure_peer(name: str, game: str, capacity: int) -> Measured:
    """Bytes per transition and milliseconds per batch of another replay memory."""
    first, played = recorded(game, 5_000)
    shape = (4, *first.shape[1:])
    stack = FrameStack(1, shape, np.uint8)
    stack.reset(first)
    if name == "notebook":
        notebook = NotebookMemory(capacity, shape)
        add, sample = notebook.add, notebook.sample
    else:
        from stable_baselines3.common.buffers import ReplayBuffer

        pixels = spaces.Box(0, 255, shape, np.uint8)
        peer = ReplayBuffer(
            capacity,
            pixels,
            spaces.Discrete(4),
            device="cpu",
            optimize_memory_usage=True,
            handle_timeout_termination=False,
        )

        def add(now: Any, after: Any, action: Any, reward: Any, done: Any) -> None:
            peer.add(now, after, np.array([action]), reward, done, [{}])

        def sample() -> Any:
            return peer.sample(32)

    before = resident()
    for number in range(capacity):
        timestep = played[number % len(played)]
        now = stack.observation
        stack.push(timestep.first_frame, timestep.done)
        add(now, stack.observation, 0, timestep.reward, timestep.done)
    size = resident() - before
    use_one_core()
    (seconds,) = best(sample, number=100)
    return {"resident_bytes_per_transition": size / capacity, "sample_ms": 1e3 * seconds}


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of a function that is called in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def summary(games: dict[str, Measured]) -> Measured:
    """What holds over all games."""
    result = {
        "median_resident_gb": statistics.median(each["resident_gb"] for each in games.values()),
        "worst_bytes_per_transition": max(
            games[game]["bytes_per_transition"] for game in set(games) - {NOISE} or games
        ),
    }
    if all("sample_ms" in each for each in games.values()):
        rows = games.values()
        result |= {
            "prioritized_over_uniform": statistics.median(
                row["prioritized_ms"] / row["sample_ms"] for row in rows
            ),
            "sample_1m_over_10k": statistics.median(
                row["sample_ms"] / row["sample_ms_10k"] for row in rows
            ),
        }
    return result


def print_table(rows: dict[str, Measured]) -> None:
    """One line per row, one column per figure."""
    columns = list(next(iter(rows.values())))
    width = max(len(name) for name in rows)
    print(" " * width, *columns, sep="  ")
    for name, row in rows.items():
        figures = [f"{row[column]:{len(column)}.3g}" for column in columns]
        print(f"{name:{width}}", *figures, sep="  ")


def plot(games: dict[str, Measured], output: Path) -> None:
    """A bar for each game: what a million transitions of it take."""
    names = sorted(games, key=lambda game: games[game]["bytes_per_transition"])
    size = [games[game]["bytes_per_transition"] for game in names]
    figure, axes = plt.subplots(figsize=(8, 0.17 * len(names) + 1.2), dpi=150)
    axes.barh(names, size, color="#1b4965", height=0.75)
    axes.set(xlabel="bytes per transition, played at random (7,056 uncompressed)")
    axes.tick_params(axis="y", labelsize=7, length=0)
    axes.margins(y=0.01)
    axes.grid(axis="x", alpha=0.3)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(output)


def suite() -> list[str]:
    """The 57 games that the field compares on."""
    lines = (files(reference) / "atari_human_wang_2016.csv").read_text().splitlines()
    return [row["game"] for row in csv.DictReader(lines)]


def main() -> None:
    """Parse the command line, measure, print, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--games", default="breakout,pong,qbert,seaquest,ms_pacman")
    parser.add_argument("--capacity", type=int, default=1_000_000)
    parser.add_argument("--frames", type=int, help="to fill in, and estimate the rest from")
    parser.add_argument("--memory-only", action="store_true", help="no times")
    parser.add_argument("--peers", action="store_true", help="measure other replay memories too")
    parser.add_argument("--peer-capacity", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if (options.frames or 0) > options.capacity:
        parser.error("--frames must be at most --capacity")
    names = suite() if options.games == "suite" else options.games.split(",")

    capacity, frames = options.capacity, options.frames or options.capacity
    games = {name: apart(measure, name, capacity, frames, options.memory_only) for name in names}
    print_table(games)
    result: dict[str, Any] = {
        "capacity": capacity,
        "frames": frames,
        "games": games,
        **summary(games),
    }
    if options.peers:
        result["peers"] = {
            peer: apart(measure_peer, peer, names[0], options.peer_capacity)
            for peer in ("notebook", "stable_baselines3")
        }
        print_table(result["peers"])
    for key, value in result.items():
        if isinstance(value, float):
            print(f"{key}: {value:.3g}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    if options.plot:
        plot(games, options.plot)


if __name__ == "__main__":
    main()
