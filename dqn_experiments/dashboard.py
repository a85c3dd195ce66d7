"""A view and a report for a project on W&B: python -m dqn_experiments.dashboard."""

from dqn_experiments.commands.launch import launch


def main() -> None:
    """Entry point of the command."""
    launch("dashboard")


if __name__ == "__main__":
    main()
