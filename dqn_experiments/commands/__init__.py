"""The commands: python -m dqn_experiments, and those named after a dot."""
