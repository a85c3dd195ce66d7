"""Measure how long an evaluation of 50 episodes takes, against one environment and batches of one.

    python benchmarks/evaluation.py --turns 3

Both play Breakout by the same untrained network, at epsilon 0.05, up to 18,000 frames an episode;
the notebook that this project grew from has one environment of gymnasium's, and asks its network
about one observation at a time. Episodes differ, so what is compared are steps a second.
"""

import argparse
import time
from statistics import median

import ale_py
import gymnasium
import numpy as np
import torch
from loops.nature_cnn import nature_cnn
from tqdm import tqdm

from dqn_experiments.config.compose import composed
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.scoring import evaluate

EPISODES, EPSILON, MAX_FRAMES, FRAME_SKIP = 50, 0.05, 18_000, 4


def ours(seed: int) -> tuple[int, float]:
    """Steps of an evaluation, and its seconds, environments and all."""
    config = composed("env=breakout", f"seed={seed}")
    protocol = {"episodes": EPISODES, "epsilon": EPSILON, "max_frames": MAX_FRAMES}
    config.evaluation.update(protocol)
    with torch_settings(config.cpu_threads):
        learner = Learner(config, (4, 84, 84), 4, torch.device("cpu"))
        rng = np.random.default_rng(seed)
        policy = EpsilonGreedy(
            learner.network, learner.rule.values, 4, rng, seed, torch.device("cpu")
        )
        began = time.perf_counter()
        played = evaluate(config, policy, 0, seed)
        return sum(played.lengths), time.perf_counter() - began


def one_by_one(seed: int) -> tuple[int, float]:
    """The same as the notebook has it."""
    torch.manual_seed(seed)
    network, random = nature_cnn(4), np.random.default_rng(seed)
    began, steps = time.perf_counter(), 0
    emulator = gymnasium.make("ALE/Breakout-v5", frameskip=1, repeat_action_probability=0)
    env = gymnasium.wrappers.FrameStackObservation(
        gymnasium.wrappers.AtariPreprocessing(emulator, frame_skip=FRAME_SKIP), 4
    )
    for episode in range(EPISODES):
        observation, _ = env.reset(seed=seed + episode)
        for _ in range(MAX_FRAMES // FRAME_SKIP):
            if random.random() < EPSILON:
                action = int(random.integers(4))
            else:
                with torch.no_grad():
                    seen = torch.tensor(np.array(observation), dtype=torch.float32)
                    action = int(network(seen[None]).argmax(dim=1))
            observation, _, terminated, truncated, _ = env.step(action)
            steps += 1
            if terminated or truncated:
                break
    env.close()
    return steps, time.perf_counter() - began


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    gymnasium.register_envs(ale_py)
    ratios = []
    for turn in tqdm(range(options.turns), "turns", disable=None):
        rates = []
        for way in (ours, one_by_one):
            steps, seconds = way(turn)
            rates.append(steps / seconds)
            print(f"{way.__name__}: {steps:,} steps in {seconds:.1f} s, {rates[-1]:.0f} steps/s")
        ratios.append(rates[0] / rates[1])
    print(f"ours over one by one: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
