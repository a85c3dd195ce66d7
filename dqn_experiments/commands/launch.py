"""The way into every command."""

from importlib import import_module

from dqn_experiments.machine.interrupt import leave_at_once


def launch(command: str) -> None:
    """Run a command of this package; its imports take a while, in which a signal just ends it."""
    leave_at_once()
    import_module(f"dqn_experiments.commands.{command}").main()
