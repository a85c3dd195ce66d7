"""Score a run's checkpoint: python -m dqn_experiments.evaluate run=<run directory>."""

from dqn_experiments.commands.evaluate import main

if __name__ == "__main__":
    main()
