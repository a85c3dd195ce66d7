"""See an agent play, or film it: python -m dqn_experiments.watch run=<run directory>."""

from dqn_experiments.commands.launch import launch


def main() -> None:
    """Entry point of the command."""
    launch("watch")


if __name__ == "__main__":
    main()
