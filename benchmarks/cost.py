"""What the switches of the family cost an update, and how long the recipes take.

    python benchmarks/cost.py updates
    python benchmarks/cost.py recipes

An update is to draw a batch, learn from it and take note of its priorities, as in training; the
batch is read ahead where a setting does so. A recipe's steps are all of a run, once it learns. All
settings take turns in one process, and each turn is held against plain DQN's beside it. Replay
memories hold Breakout.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from steps_per_second import advance, median
from tqdm import tqdm

from dqn_experiments.config.compose import composed
from dqn_experiments.config.groups import options
from dqn_experiments.experience.spec import TrackedRun
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.machine.interrupt import Interrupt
from dqn_experiments.train.session import Session

PLAIN = "agent=dqn"
UPDATES: dict[str, list[str]] = {
    PLAIN: [],
    "agent.double=true": [],
    "agent=c51": [],
    "agent=qr_dqn": [],
    "agent=iqn": [],
    "agent.munchausen=true": [],
    "network.dueling=true": [],
    "network.shared_hidden=true": ["network.dueling=true"],
    "network.noisy_sigma=0.5": [],
    "network.truncated_noise=true": ["network.noisy_sigma=0.5"],
    "network.shared_bias=true": [],
    "network.torso_gradient=0.7071": [],
    "network.layer_norm=true": ["network.torso.layer_norm=true"],
    "network.torso.padding=same": [],
    "network/torso=impala": [],
    "network/torso=data_efficient": [],
    "buffer=prioritized": [],
    "buffer.n_step=3": [],
    "buffer.read_ahead=false": [],
    "augmentation=random_shift": [],
    "agent.target_mix=0.005": ["agent.target_update_unit=updates", "agent.target_update_every=1"],
    "optimizer.max_grad_norm=10": [],
    "optimizer=radam": [],
    "optimizer=adamw": [],
}
"""And what it takes besides."""
RECIPES: dict[str, list[str]] = {
    PLAIN: [],
    **{
        f"experiment={name}": []
        for name in sorted(set(options("experiment")) - {"cartpole", "seed_notebook", "btr"})
    },
}
"""BTR's updates take seconds each."""
SHARED = ["env=breakout", "learning_starts=2_000", "buffer.capacity=2_000", "checkpoint.every=0"]


def begun(overrides: list[str], folder: str) -> Session:
    """A run whose replay memory is full and which has begun to learn."""
    own = ["total_steps=10_000_000", "tracker.mode=disabled", "evaluation.every=0"]
    config = composed(*own, *SHARED, *overrides)
    session = Session(config, TrackedRun(Path(tempfile.mkdtemp(dir=folder)), {}, ""), Interrupt())
    session.begin(None)
    advance(session, config.learning_starts + steps_of(session, 5))
    return session


def steps_of(session: Session, updates: int) -> int:
    """Steps in which there are so many updates."""
    config = session.config
    return max(config.env.num_envs, updates * config.update_every // config.updates_at_once)


def milliseconds_an_update(session: Session, updates: int) -> float:
    """Of so many."""
    loop, began = session.loop, time.perf_counter()
    for _ in range(updates):
        batch = loop.replay.sample()
        update = loop.learner.update(batch, loop.step)
        loop.replay.update(batch.index, update.priority)
    update.loss.item()
    return 1_000 * (time.perf_counter() - began) / updates


def milliseconds_a_step(session: Session, updates: int) -> float:
    """In which there are so many updates."""
    return 1_000 * advance(session, steps_of(session, updates))


def print_table(kind: str, names: list[str], milliseconds: NDArray[np.float64]) -> None:
    """A row for each setting."""
    hours = f"{'hours per million':>20}" if kind == "step" else ""
    print(f"{'':30}{f'ms a {kind}':>14}{'over plain DQN':>17}   95% confidence{hours}")
    for name, each in zip(names, milliseconds.T, strict=True):
        ratio, low, high = median(each / milliseconds[:, 0])
        typical = float(np.median(each))
        hours = f"{typical / 3.6:>16.1f}" if kind == "step" else ""
        print(f"{name:30}{typical:14.2f}{ratio:17.2f}   {low:5.2f} to {high:5.2f}{hours}")


def main() -> None:
    """Take turns, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=["updates", "recipes"])
    parser.add_argument("--only", nargs="+", help="settings to measure beside plain DQN")
    parser.add_argument("--turns", type=int, default=30, help="of each setting")
    parser.add_argument("--updates", type=int, default=5, help="of a turn")
    chosen = parser.parse_args()
    known = UPDATES if chosen.what == "updates" else RECIPES
    names = list(dict.fromkeys([PLAIN, *(chosen.only or known)]))
    measure = milliseconds_an_update if chosen.what == "updates" else milliseconds_a_step
    with tempfile.TemporaryDirectory() as folder, torch_settings(None):
        runs = [
            begun([name, *known.get(name, [])], folder)
            for name in tqdm(names, "filling replay memories", disable=None)
        ]
        milliseconds = np.empty((chosen.turns, len(runs)))
        for turn in tqdm(range(chosen.turns), "turns", disable=None):
            for number in np.random.default_rng(turn).permutation(len(runs)):
                milliseconds[turn, number] = measure(runs[number], chosen.updates)
        for run in runs:
            with run.closed_at_the_end():
                pass
    print_table("update" if chosen.what == "updates" else "step", names, milliseconds)


if __name__ == "__main__":
    main()
