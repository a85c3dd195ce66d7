"""Train: python -m dqn_experiments env=breakout optimizer.lr=2e-4."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.commands.command import run_command
from dqn_experiments.commands.ledger import remembered, shared
from dqn_experiments.commands.log_file import logged
from dqn_experiments.commands.tidy import MULTIRUN
from dqn_experiments.commands.typed import as_typed, keep_path, task_overrides, written
from dqn_experiments.errors import ConfigError, UnknownKeysError


def main() -> None:
    """Entry point of `python -m dqn_experiments` and of the script `dqn_experiments`."""
    run_command("config", _train)


def _train(composed: DictConfig) -> float | None:
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.RUN:
        return _run(composed)
    retry = composed.retry_failed is True  # else it is told when all is checked
    with (
        remembered(Path(hydra.runtime.output_dir), task_overrides(), retry),
        shared(composed, hydra),
    ):
        return _run(composed)


def _run(composed: DictConfig) -> float | None:
    # torch takes seconds to import, and --help and --cfg need none of it
    from dqn_experiments.config.check import checked
    from dqn_experiments.run.same_run import continued_config
    from dqn_experiments.train.start import train

    hydra = HydraConfig.get()
    if hydra.mode == RunMode.RUN and not hydra.run.dir:  # a shell's variable that is not set
        raise ConfigError("hydra.run.dir=: must be a directory")
    if hydra.mode == RunMode.RUN and (sweep := hydra.runtime.choices.get("sweep")):
        raise ConfigError(f"sweep={sweep}: needs -m, which begins a sweep")
    keep_path(composed, "initial_weights")
    if composed.resume == "auto":
        run_dir, key = Path(hydra.runtime.output_dir), "hydra.run.dir"
        try:
            config = checked(composed)
        except UnknownKeysError as error:
            raise _of_a_recipe(error, hydra.runtime.choices.get("experiment")) from error
        title = _title(hydra, run_dir)
    else:
        typed, key = as_typed(composed.resume), "resume"
        config = continued_config(typed, composed, task_overrides())
        run_dir = typed.absolute()
        title = run_dir.name  # the command line does not tell what was played
    return train(
        config,
        run_dir,
        title,
        sweep=Path(hydra.sweep.dir).name if hydra.mode == RunMode.MULTIRUN else None,
        own_process=True,
        key=key,
        around=_left_by_the_command(composed, run_dir),
    ).score


def _of_a_recipe(error: UnknownKeysError, recipe: object) -> ConfigError:
    """How to choose other parts than a recipe's, whose keys they may not have."""
    typed = any(key in override for key in error.keys for override in task_overrides())
    if recipe is None or typed:
        return error
    without = " ".join(f"~{key}" for key in error.keys)
    return ConfigError(f"{error}; {without} leaves out what experiment={recipe} sets")


@contextmanager
def _left_by_the_command(composed: DictConfig, run_dir: Path) -> Iterator[None]:
    """What Hydra would leave in a directory, whoever owned it: .hydra/ and a log."""
    hydra, kept = OmegaConf.create({"hydra": HydraConfig.get()}), run_dir / ".hydra"
    if not (run_dir / "config.yaml").exists():  # else what the run began with stays
        kept.mkdir(exist_ok=True)
        OmegaConf.save(composed, kept / "config.yaml")
        OmegaConf.save(hydra, kept / "hydra.yaml")
        OmegaConf.save(hydra.hydra.overrides.task, kept / "overrides.yaml")
    with logged(run_dir / "train.log"):
        yield


def _title(hydra: HydraConf, run_dir: Path) -> str:
    """A name to tell runs apart by: what is played, by whom, and what was overridden or when."""
    overrides = [
        override
        for override in task_overrides()
        if not override.startswith(("env=", "agent=", "sweep=", "tracker.", "pause_at="))
    ]
    overrides.sort(key=_alike_in_the_sweep(hydra).__contains__)  # what differs comes first
    played = "{env}/{agent}".format(**hydra.runtime.choices)
    return " ".join([played, *(overrides or [run_dir.name])])[:128]


def _alike_in_the_sweep(hydra: HydraConf) -> set[str]:
    """The overrides that all jobs of the sweep share; none outside a sweep."""
    file = as_typed(hydra.sweep.dir) / MULTIRUN
    if hydra.mode != RunMode.MULTIRUN or not file.is_file():
        return set()
    return set(written(OmegaConf.load(file).hydra.overrides.task))
