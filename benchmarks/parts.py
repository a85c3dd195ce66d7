"""Measure where the time of a step goes, part by part.

    python benchmarks/parts.py --turns 100
    python benchmarks/parts.py --turns 100 cpu_threads=1 agent=c51

The default recipe on Breakout, once it learns; what follows are overrides. Parts that are indented
are what the one above them cannot do without: the networks alone, as PyTorch computes them.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from loops.ours import learning
from tqdm import tqdm

from dqn_experiments.train.session import Session


def parts(session: Session) -> dict[str, Callable[[], object]]:
    """What is measured, by the words for it."""
    loop, learner = session.loop, session.loop.learner
    network, target = learner.network, learner.target_network
    batch = loop.replay.sample()
    one = batch.observation[: loop.player.num_envs].numpy()
    policy = loop.player.policy.seeded(0)

    def forward(asked: torch.nn.Module, observation: torch.Tensor) -> None:
        with torch.no_grad():
            asked(observation)

    def learn() -> None:
        network.zero_grad()
        network(batch.observation).sum().backward()

    return {
        "a step in every environment, and acting": lambda: loop.player.begin_step(0.0)(),
        "acting": lambda: policy.act(one),
        "  the network": lambda: forward(network, torch.from_numpy(one)),
        "drawing a batch": loop.replay.sample,
        "an update": lambda: learner.update(batch, loop.step),
        "  the target network": lambda: forward(target, batch.next_observation),
        "  the network, forwards and backwards": learn,
        "  the optimizer": learner._optimizer.step,
    }


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("overrides", nargs="*")
    options = parser.parse_args()
    with learning(*options.overrides) as session:
        every = parts(session)
        seconds = np.empty((options.turns, len(every)))
        for turn in tqdm(range(options.turns), "turns", disable=None):
            for number, part in enumerate(every.values()):
                began = time.perf_counter()
                part()
                seconds[turn, number] = time.perf_counter() - began
    for name, each in zip(every, 1e3 * seconds.T, strict=True):
        low, median = np.quantile(each, (0.1, 0.5))
        print(f"{name:40} {median:7.2f} ms (one in ten below {low:.2f})")


if __name__ == "__main__":
    main()
