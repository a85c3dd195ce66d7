"""The commands: python -m dqn_experiments, .evaluate and .watch."""
