"""Hydra-configured deep Q-learning experiments on Atari."""

__version__ = "0.1.0"
