"""See an agent play, or film it: python -m dqn_experiments.watch run=<run directory>."""

from dqn_experiments.commands.watch import main

if __name__ == "__main__":
    main()
