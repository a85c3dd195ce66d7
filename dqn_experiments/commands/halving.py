"""The sweeper `hydra/sweeper=halving`: Optuna says what runs how far, Hydra's launcher runs it.

Every run is a job of its own to the launcher, from a thread that waits for it. So a worker that is
free is given the next one at once.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.commands.ledger import BY_NAME, SIDE_BY_SIDE, asked_for, at_once
from dqn_experiments.commands.parallel import IN_THIS_PROCESS, RAY
from dqn_experiments.errors import ConfigError, TrainingError

if TYPE_CHECKING:  # Optuna takes a second to import, and other sweepers need none of it
    from dqn_experiments.search.halving import Leg
    from dqn_experiments.search.settings import Settings
    from dqn_experiments.search.space import Space


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
        from dqn_experiments.ledger.plan import read_plan, write_plan
        from dqn_experiments.run.ownership import owned
        from dqn_experiments.search.dispatch import dispatch
        from dqn_experiments.search.halving import Halving
        from dqn_experiments.search.settings import checked_settings, rungs
        from dqn_experiments.search.space import a_point, as_overrides, search_space
        from dqn_experiments.search.study import drawn_by, opened

        hydra: dict[str, Any] = OmegaConf.to_container(self._config.hydra)  # type: ignore[assignment]
        settings = checked_settings(hydra["sweeper"])
        workers = _workers(hydra, settings.n_jobs)
        space, shared = search_space([*as_overrides(settings.params or {}), *arguments])
        sampler_of, n_trials = drawn_by(settings, space)
        run = self._checked_run([*shared, *as_overrides(a_point(space))])
        steps = rungs(settings.pruner, run.total_steps, run.learning_starts)
        _, swept = asked_for(hydra)
        begun_with = _begun_with(settings, [*shared, f"seed={run.seed}"], steps, space)

        def runs_of(leg: "Leg") -> list[list[str]]:
            alike = [each for each in shared if not each.startswith("seed=")]
            values = [*alike, *as_overrides(leg.params)]
            seeds = range(run.seed, run.seed + settings.seeds)
            return [[*values, f"seed={seed}"] for seed in seeds]

        def plan() -> None:
            jobs = [job for leg in halving.legs() for job in runs_of(leg)]
            write_plan(sweep_dir, jobs, swept, at_once(hydra, settings.n_jobs))

        def jobs_of(leg: "Leg") -> list[list[str]]:
            plan()
            pause = [f"pause_at={leg.until}"] * (leg.until < run.total_steps)
            return [[*job, *pause] for job in runs_of(leg)]

        sweep_dir = Path(self._config.hydra.sweep.dir).absolute()
        sweep_dir.mkdir(parents=True, exist_ok=True)
        with owned(sweep_dir, "hydra.sweep.dir"):
            if read_plan(sweep_dir).jobs and not (settings.storage or (sweep_dir / OWN).exists()):
                told = "has a sweep that is no search; must be another directory"
                raise ConfigError(f"hydra.sweep.dir={sweep_dir}: {told}")
            storage = settings.storage or f"sqlite:///{sweep_dir / OWN}"
            name = settings.study_name or (sweep_dir.name if settings.storage else "search")
            study = opened(storage, name, settings.direction, begun_with)
            factor = settings.pruner.reduction_factor
            halving = Halving(study, space, sampler_of, n_trials, steps, factor)
            if run.retry_failed:
                halving.retry_failed()
            plan()
            if workers > 1:
                _start_ray(self._config.hydra.launcher)
            dispatch(halving, jobs_of, self._launched, workers)
            for leg in halving.close():
                _mark(sweep_dir, runs_of(leg), swept)
        if halving.failures:
            raise TrainingError(halving.failures[0])

    def _checked_run(self, overrides: list[str]) -> DictConfig:
        """The config of a run; raises ConfigError of one that cannot be."""
        from dqn_experiments.config.check import checked

        composed = self._context.config_loader.load_sweep_config(self._config, overrides)
        return checked(
            OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
        )

    def _launched(self, overrides: list[str], number: int) -> float:
        """The score of a job; raises its error."""
        (job,) = self._launcher.launch([overrides], initial_job_idx=number)
        score: float = job.return_value
        return score


def _workers(hydra: dict[str, Any], n_jobs: int) -> int:
    """How many jobs the launcher can be given at once."""
    launcher = hydra["launcher"]["_target_"]
    if launcher == IN_THIS_PROCESS and n_jobs > 1:
        told = "must be 1, or with a launcher of processes, such as hydra/launcher=joblib"
        raise ConfigError(f"hydra.sweeper.n_jobs={n_jobs}: {told}")
    if hydra["sweep"]["subdir"] != BY_NAME:
        told = "must be as it is; a run goes on in a directory that is named by its values"
        raise ConfigError(f"hydra.sweep.subdir={hydra['sweep']['subdir']}: {told}")
    return at_once(hydra, n_jobs) if launcher in SIDE_BY_SIDE else n_jobs


def _start_ray(launcher: DictConfig) -> None:
    """Start what Ray's launcher starts with its first job: two jobs at once would do it twice."""
    if launcher._target_ == RAY:
        import ray

        options: Any = OmegaConf.to_container(launcher.ray.init, resolve=True)
        ray.init(**options)


def _begun_with(
    settings: "Settings", shared: list[str], steps: list[int], space: "Space"
) -> dict[str, Any]:
    """What must be the same as long as a study goes on."""
    from dqn_experiments.ledger.naming import what_is_overridden

    return {
        "hydra.sweeper.direction": settings.direction,
        "hydra.sweeper.seeds": settings.seeds,
        "hydra.sweeper.sampler": str(settings.sampler),
        "hydra.sweeper.pruner.min_resource": steps[0],
        "hydra.sweeper.pruner.reduction_factor": settings.pruner.reduction_factor,
        "total_steps": steps[-1],
        **what_is_overridden(shared),
        **{key: str(each) for key, each in space.items()},
    }


def _mark(sweep_dir: Path, jobs: list[list[str]], swept: list[str]) -> None:
    """Let the ledger know which runs do not go on."""
    from dqn_experiments.ledger.plan import directory_of
    from dqn_experiments.run.pruned import prune

    for overrides in jobs:
        prune(sweep_dir / directory_of(sweep_dir, overrides, swept))
