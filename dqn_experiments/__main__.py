"""Train: python -m dqn_experiments env=breakout optimizer.lr=2e-4."""

from dqn_experiments.commands.train import main

if __name__ == "__main__":
    main()
