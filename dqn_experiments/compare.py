"""Say which runs are better: python -m dqn_experiments.compare <run or sweep directories>."""

from dqn_experiments.commands.launch import launch


def main() -> None:
    """Entry point of the command."""
    launch("compare")


if __name__ == "__main__":
    main()
