"""See how a sweep is doing: python -m dqn_experiments.sweep status <directory>."""

from dqn_experiments.commands.launch import launch


def main() -> None:
    """Entry point of the command."""
    launch("sweep")


if __name__ == "__main__":
    main()
