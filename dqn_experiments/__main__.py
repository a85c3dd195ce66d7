"""Train: python -m dqn_experiments env=breakout optimizer.lr=2e-4."""

from dqn_experiments.commands.launch import launch


def main() -> None:
    """Entry point of the command."""
    launch("train")


if __name__ == "__main__":
    main()
