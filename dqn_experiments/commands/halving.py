"""The sweeper `hydra/sweeper=halving`: Optuna says what runs how far, Hydra's launcher runs it.

Every run is a job of its own to the launcher, from a thread that waits for it. So a worker that is
free is given the next one at once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.commands.ledger import (
    BY_NAME,
    SIDE_BY_SIDE,
    KeepLedger,
    asked_for,
    at_once,
    is_minimized,
)
from dqn_experiments.commands.parallel import IN_THIS_PROCESS, RAY
from dqn_experiments.errors import ConfigError, TrainingError

if TYPE_CHECKING:  # Optuna takes a second to import, and other sweepers need none of it
    from dqn_experiments.search.halving import Halving, Leg
    from dqn_experiments.search.runs import Runs
    from dqn_experiments.search.settings import Settings
    from dqn_experiments.search.space import Space
    from dqn_experiments.search.study import SamplerOf


OWN = "study.db"
"""The study's database, in the directory of its sweep."""


class HalvingSweeper(Sweeper):
    """Draws trials, pauses their runs at rungs, and goes on with those that are promoted.

    All that lasts lies in the study's storage and in the runs' directories, so the same command
    goes on wherever it was killed.
    """

    def __init__(self, **_: Any) -> None:
        """Take nothing: the same is in the config."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Take in what Hydra composed of the command."""
        self._config, self._context = config, hydra_context
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Carry a study to its end.

        Args:
            arguments: the command's overrides, without those of hydra.

        Raises:
            ConfigError: if it cannot begin or go on.
            TrainingError: at its end, if a trial failed.
        """
        from dqn_experiments.run.ownership import owned
        from dqn_experiments.search.dispatch import dispatch

        asked = self._asked(arguments)
        sweep_dir = Path(self._config.hydra.sweep.dir).absolute()
        sweep_dir.mkdir(parents=True, exist_ok=True)
        with owned(sweep_dir, "hydra.sweep.dir"):
            halving = _opened(asked, sweep_dir)
            if asked.retry_failed:
                halving.retry_failed()
            asked.plan(halving, sweep_dir)
            KeepLedger.begun = True
            if asked.workers > 1:
                _start_ray(self._config.hydra.launcher)

            def jobs_of(leg: "Leg") -> list[list[str]]:
                asked.plan(halving, sweep_dir)
                return asked.runs.jobs(leg)

            dispatch(halving, jobs_of, self._launched, asked.workers)
            for leg in halving.close():
                _mark(sweep_dir, asked.runs.of(leg), asked.swept)
        if halving.failures:
            raise TrainingError(halving.failures[0])

    def _asked(self, arguments: list[str]) -> "_Asked":
        """What the command asks for, all of it checked; raises ConfigError."""
        from dqn_experiments.search.runs import Runs
        from dqn_experiments.search.settings import checked_settings, rungs
        from dqn_experiments.search.space import as_overrides, search_space
        from dqn_experiments.search.study import drawn_by

        hydra: dict[str, Any] = OmegaConf.to_container(self._config.hydra)  # type: ignore[assignment]
        settings = checked_settings(hydra["sweeper"])
        workers = _workers(self._config.hydra, settings.n_jobs)
        overrides = [*as_overrides(settings.params or {}), *arguments]
        space, shared = search_space(overrides)
        run = self._checked_run(shared, space, overrides)
        alike = [each for each in shared if not each.startswith("seed=")]
        sampler_of, n_trials = drawn_by(settings, space)
        return _Asked(
            settings=settings,
            space=space,
            sampler_of=sampler_of,
            n_trials=n_trials,
            rungs=rungs(settings.pruner, run.total_steps, run.learning_starts),
            runs=Runs(alike, range(run.seed, run.seed + settings.seeds), run.total_steps),
            swept=asked_for(hydra)[1],
            workers=workers,
            at_once=at_once(self._config.hydra, settings.n_jobs),
            retry_failed=run.retry_failed,
        )

    def _checked_run(self, shared: list[str], space: "Space", written: list[str]) -> DictConfig:
        """The config of a run; raises ConfigError of one that cannot be."""
        from dqn_experiments.config.check import checked
        from dqn_experiments.search.space import a_point, as_overrides

        point = as_overrides(a_point(space))
        composed = self._context.config_loader.load_sweep_config(self._config, [*shared, *point])
        keys = [str(key) for key in composed if key != "hydra"]
        try:
            return checked(OmegaConf.masked_copy(composed, keys))
        except ConfigError as error:
            key = str(error).partition("=")[0]
            if key not in space:
                raise
            searched = [each for each in written if each.lstrip("+").startswith(f"{key}=")]
            raise ConfigError(f"{searched[-1]}: may draw {error}") from error

    def _launched(self, overrides: list[str], number: int) -> float:
        """The score of a job; raises its error."""
        (job,) = self._launcher.launch([overrides], initial_job_idx=number)
        score: float = job.return_value
        return score


@dataclass(frozen=True)
class _Asked:
    """What a command asks for."""

    settings: "Settings"
    space: "Space"
    sampler_of: "SamplerOf"
    n_trials: int
    rungs: list[int]
    runs: "Runs"
    swept: list[str]
    workers: int
    """How many jobs the launcher is given at once."""
    at_once: int
    """How many of them share this machine."""
    retry_failed: bool

    @property
    def begun_with(self) -> dict[str, Any]:
        """What must be the same as long as a study goes on."""
        from dqn_experiments.ledger.naming import what_is_overridden

        return {
            "hydra.sweeper.direction": self.settings.direction,
            "hydra.sweeper.seeds": self.settings.seeds,
            "hydra.sweeper.sampler": str(self.settings.sampler),
            "hydra.sweeper.pruner.min_resource": self.rungs[0],
            "hydra.sweeper.pruner.reduction_factor": self.settings.pruner.reduction_factor,
            "total_steps": self.rungs[-1],
            **what_is_overridden([*self.runs.shared, f"seed={self.runs.seeds.start}"]),
            **{key: str(each) for key, each in self.space.items()},
        }

    def plan(self, halving: "Halving", sweep_dir: Path) -> None:
        """Let the ledger know which runs there are."""
        from dqn_experiments.ledger.plan import write_plan

        jobs = [run for leg in halving.legs() for run in self.runs.of(leg)]
        minimized = is_minimized(self.settings.direction)
        write_plan(sweep_dir, jobs, self.swept, self.at_once, minimized)


def _opened(asked: _Asked, sweep_dir: Path) -> "Halving":
    """The search as it stands; raises ConfigError if it is another one."""
    from dqn_experiments.ledger.plan import read_plan
    from dqn_experiments.search.halving import Halving
    from dqn_experiments.search.study import opened

    settings = asked.settings
    if read_plan(sweep_dir).jobs and not (settings.storage or (sweep_dir / OWN).exists()):
        told = "has a sweep that is no search; must be another directory"
        raise ConfigError(f"hydra.sweep.dir={sweep_dir}: {told}")
    if not settings.storage and set("?%") & set(str(sweep_dir)):
        told = "must have no ? and no %, which a database's URL has no room for, or with storage="
        raise ConfigError(f"hydra.sweep.dir={sweep_dir}: {told}")
    storage = settings.storage or f"sqlite:///{sweep_dir / OWN}"
    name = settings.study_name or (sweep_dir.name if settings.storage else "search")
    study = opened(storage, name, settings.direction, asked.begun_with)
    factor = settings.pruner.reduction_factor
    return Halving(study, asked.space, asked.sampler_of, asked.n_trials, asked.rungs, factor)


def _workers(hydra: DictConfig, n_jobs: int) -> int:
    """How many jobs the launcher can be given at once."""
    launcher = hydra.launcher._target_
    if launcher == IN_THIS_PROCESS and n_jobs > 1:
        told = "must be 1, or with a launcher of processes, such as hydra/launcher=joblib"
        raise ConfigError(f"hydra.sweeper.n_jobs={n_jobs}: {told}")
    subdir = OmegaConf.to_container(hydra.sweep)["subdir"]  # type: ignore[call-overload,index]
    if subdir != BY_NAME:
        told = "must be as it is; a run goes on in a directory that is named by its values"
        raise ConfigError(f"hydra.sweep.subdir={subdir}: {told}")
    return at_once(hydra, n_jobs) if launcher in SIDE_BY_SIDE else n_jobs


def _start_ray(launcher: DictConfig) -> None:
    """Start what Ray's launcher starts with its first job: two jobs at once would do it twice."""
    if launcher._target_ == RAY:
        import ray

        options: Any = OmegaConf.to_container(launcher.ray.init, resolve=True)
        ray.init(**options)


def _mark(sweep_dir: Path, jobs: list[list[str]], swept: list[str]) -> None:
    """Let the ledger know which runs do not go on."""
    from dqn_experiments.ledger.plan import directory_of
    from dqn_experiments.run.pruned import prune

    for overrides in jobs:
        prune(sweep_dir / directory_of(sweep_dir, overrides, swept))
