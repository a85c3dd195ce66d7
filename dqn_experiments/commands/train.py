"""Train: python -m dqn_experiments env=breakout optimizer.lr=2e-4."""

from pathlib import Path

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.commands.command import run_command, task_overrides, written
from dqn_experiments.errors import ConfigError


def main() -> None:
    """Entry point of `python -m dqn_experiments` and of the script `dqn_experiments`."""
    run_command("config", _train)


def _train(composed: DictConfig) -> float | None:
    # torch takes seconds to import, and --help and --cfg need none of it
    from dqn_experiments.config.check import checked
    from dqn_experiments.run.same_run import continued_config
    from dqn_experiments.train.session import train

    hydra = HydraConfig.get()
    sweep = Path(hydra.sweep.dir).name if hydra.mode == RunMode.MULTIRUN else None
    if hydra.mode == RunMode.RUN and not hydra.run.dir:  # a shell's variable that is not set
        raise ConfigError("hydra.run.dir=: must be a directory")
    if composed.resume == "auto":
        run_dir, config = Path(hydra.runtime.output_dir), checked(composed)
        title = _title(hydra, run_dir)
    else:
        run_dir = Path(str(composed.resume))
        config = continued_config(run_dir, composed, task_overrides())
        title = run_dir.resolve().name  # the command line does not tell what was played
    return train(config, run_dir, title, sweep, own_process=True).score


def _title(hydra: HydraConf, run_dir: Path) -> str:
    """A name to tell runs apart by: what is played, by whom, and what was overridden or when."""
    overrides = [
        override
        for override in task_overrides()
        if not override.startswith(("env=", "agent=", "tracker."))
    ]
    overrides.sort(key=_alike_in_the_sweep(hydra).__contains__)  # what differs comes first
    played = "{env}/{agent}".format(**hydra.runtime.choices)
    return " ".join([played, *(overrides or [run_dir.name])])[:128]


def _alike_in_the_sweep(hydra: HydraConf) -> set[str]:
    """The overrides that all jobs of the sweep share; none outside a sweep."""
    file = Path(hydra.sweep.dir, "multirun.yaml")
    if hydra.mode != RunMode.MULTIRUN or not file.is_file():
        return set()
    return set(written(OmegaConf.load(file).hydra.overrides.task))
