"""Score a run's checkpoint: python -m dqn_experiments.evaluate run=<run directory>."""

from dqn_experiments.commands.launch import launch


def main() -> None:
    """Entry point of the command."""
    launch("evaluate")


if __name__ == "__main__":
    main()
