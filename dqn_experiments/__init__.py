"""Hydra-configured deep Q-learning experiments on Atari.

import dqn_experiments as dqn

config = dqn.compose("experiment=cartpole", "optimizer.lr=5e-4")
outcome = dqn.train(config, "outputs/my_run")
dqn.evaluate(outcome.run_dir, episodes=100)
"""

__version__ = "0.3.0"

import dqn_experiments.train  # noqa: F401  so that this package is there before the function
from dqn_experiments.api import compose, evaluate, go_on, history, load, train, trust
from dqn_experiments.errors import ConfigError, TrainingError

__all__ = [
    "ConfigError",
    "TrainingError",
    "compose",
    "evaluate",
    "go_on",
    "history",
    "load",
    "train",
    "trust",
]
