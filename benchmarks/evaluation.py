"""Measure how long an evaluation of 50 episodes takes, against one environment and batches of one.

    python benchmarks/evaluation.py --turns 4

Both play Breakout by the same untrained network, at epsilon 0.05, up to 18,000 frames an episode.
The other way is that of the notebook which this project grew from: one environment of gymnasium's,
and a network that is asked about one observation at a time. Episodes differ, so what is compared
are steps a second, environments and all; who goes first changes from turn to turn.
"""

import argparse
import time
from statistics import median

import ale_py
import gymnasium
import numpy as np
import torch
from omegaconf import DictConfig
from tqdm import tqdm

from dqn_experiments.config.compose import composed
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.scoring import evaluate

EPISODES, EPSILON, MAX_FRAMES, FRAME_SKIP = 50, 0.05, 18_000, 4


def ours(learner: Learner, config: DictConfig, seed: int) -> int:
    """Steps of an evaluation."""
    device, random = torch.device("cpu"), np.random.default_rng(seed)
    policy = EpsilonGreedy(learner.network, learner.rule.values, 4, random, seed, device)
    return sum(evaluate(config, policy, 0, seed).lengths)


def one_by_one(learner: Learner, config: DictConfig, seed: int) -> int:
    """The same."""
    random, steps = np.random.default_rng(seed), 0
    emulator = gymnasium.make("ALE/Breakout-v5", frameskip=1)
    env = gymnasium.wrappers.FrameStackObservation(
        gymnasium.wrappers.AtariPreprocessing(emulator, frame_skip=FRAME_SKIP), 4
    )
    for episode in range(EPISODES):
        observation, _ = env.reset(seed=None if episode else seed)
        for _ in range(MAX_FRAMES // FRAME_SKIP):
            if random.random() < EPSILON:
                action = int(random.integers(4))
            else:
                with torch.no_grad():
                    seen = torch.as_tensor(np.array(observation))[None]
                    action = int(learner.rule.values(learner.network(seen)).argmax(dim=1))
            observation, _, terminated, truncated, _ = env.step(action)
            steps += 1
            if terminated or truncated:
                break
    env.close()
    return steps


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=4)
    options = parser.parse_args()
    gymnasium.register_envs(ale_py)
    config = composed("env=breakout")
    config.evaluation.update(episodes=EPISODES, epsilon=EPSILON, max_frames=MAX_FRAMES)
    ratios = []
    with torch_settings(config.cpu_threads):
        learner = Learner(config, (4, 84, 84), 4, torch.device("cpu"))
        for turn in tqdm(range(options.turns), "turns", disable=None):
            rates = {}
            for way in (ours, one_by_one) if turn % 2 else (one_by_one, ours):
                began = time.perf_counter()
                steps = way(learner, config, turn)
                rates[way] = steps / (time.perf_counter() - began)
                print(f"{way.__name__}: {steps:,} steps, {rates[way]:.0f} a second")
            ratios.append(rates[ours] / rates[one_by_one])
    print(f"ours over one by one: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
