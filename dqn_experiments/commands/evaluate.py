"""Score a run's checkpoint: python -m dqn_experiments.evaluate run=<run directory>."""

from omegaconf import DictConfig

from dqn_experiments.commands.command import run_command
from dqn_experiments.commands.typed import keep_path
from dqn_experiments.machine.interrupt import Interrupt


def main() -> None:
    """Entry point of `python -m dqn_experiments.evaluate`."""
    run_command("evaluate", _evaluate)


def _evaluate(composed: DictConfig) -> float:
    # torch takes seconds to import, and --help needs none of it
    from dqn_experiments.config.check import checked_keys
    from dqn_experiments.config.schema import EvaluateConfig
    from dqn_experiments.train.trained import evaluated

    keep_path(composed, "run")
    chosen = checked_keys(EvaluateConfig, composed)
    with Interrupt(own=True) as interrupt:
        evaluation = evaluated(chosen, interrupt.check)
    print(evaluation, flush=True)
    return evaluation.score.mean
