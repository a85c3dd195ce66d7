"""What a sweep keeps of its jobs: a plan before they begin, a table when they have ended.

Hydra's launchers run the jobs, in this process or elsewhere; all that is shared lies in the
directory of the sweep.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dqn_experiments.commands.typed import as_typed
from dqn_experiments.errors import ConfigError, StoppedError, TrainingError

log = logging.getLogger(__name__)

BY_NAME = "${job_name:}"
IN_ORDER = "dqn_experiments.commands.batches.BatchSweeper"
PLANS_ITSELF = {"dqn_experiments.commands.halving.HalvingSweeper"}
"""A sweeper that writes its plan as it goes on."""
SIDE_BY_SIDE = {
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher": "n_jobs",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher": None,
}
"""Launchers of processes on this machine, and what says how many; None: all at once."""


class KeepLedger(Callback):
    """What `hydra.callbacks` starts with a sweep."""

    told = ""
    """How many jobs of the sweep in this process failed, to go before what failed first."""
    begun = False
    """Whether the sweep in this process came so far as to have jobs."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Write down which jobs there will be."""
        from dqn_experiments.ledger.plan import write_plan

        hydra: dict[str, Any] = OmegaConf.to_container(config.hydra)  # type: ignore[assignment]
        KeepLedger.begun = hydra["sweeper"]["_target_"] not in PLANS_ITSELF
        if not KeepLedger.begun:
            return
        try:
            jobs, swept = asked_for(hydra)
            named_by_us = jobs if hydra["sweep"]["subdir"] == BY_NAME else []
            sweep_dir = Path(config.hydra.sweep.dir)
            side_by_side = at_once(config.hydra, len(jobs))
            minimized = is_minimized(hydra["sweeper"].get("direction"))
            write_plan(sweep_dir, named_by_us, swept, side_by_side, minimized)
        except OSError:  # Hydra meets the same, and tells
            KeepLedger.begun = False
        except (HydraException, OmegaConfBaseException, ConfigError, ValueError):
            pass  # Hydra or a job tells

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print what came of the jobs, and leave it as sweep.csv."""
        from dqn_experiments.ledger.plan import read_plan
        from dqn_experiments.ledger.rows import CSV, as_csv, failed, rows_of_sweep
        from dqn_experiments.ledger.table import show
        from dqn_experiments.machine.files import replace_text

        if not KeepLedger.begun:
            return
        sweep_dir = Path(config.hydra.sweep.dir)
        with suppress(ConfigError, OSError):  # nothing lasted, or nobody is there to read it
            rows = rows_of_sweep(sweep_dir)
            if all(row.status.name == "waiting" for row in rows):
                return
            if failed(rows):
                jobs = sum(row.asked for row in rows)
                KeepLedger.told = f"{len(failed(rows)):,} of {jobs:,} jobs failed: "
            show(rows, read_plan(sweep_dir).minimized)
            replace_text(sweep_dir / CSV, as_csv(rows))


def asked_for(hydra: dict[str, Any]) -> tuple[list[list[str]], list[str]]:
    """The overrides of every job, none if a sweeper decides on the way, and what is swept."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    params = hydra["sweeper"].get("params") or {}
    written = [*(f"{key}={value}" for key, value in params.items()), *hydra["overrides"]["task"]]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    overrides = parser.parse_overrides(written)
    swept = {each.key_or_group for each in overrides if each.is_sweep_override()}
    if hydra["sweeper"]["_target_"] != IN_ORDER:
        return [], sorted({*swept, *params})
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    return jobs, sorted(swept)


def is_minimized(direction: object) -> bool:
    """Whether low scores are good ones, by the `direction` of a search; a sweep has none."""
    return str(direction).lower() == "minimize"


def at_once(hydra: DictConfig, jobs: int) -> int:
    """How many jobs will run on this machine at once, as its launcher says."""
    launcher, sweeper = hydra.launcher, hydra.sweeper
    if launcher._target_ not in SIDE_BY_SIDE:
        return 1
    batch = min(sweeper.get("max_batch_size") or jobs, jobs)
    batch = sweeper.get("n_jobs") or batch  # a search's
    bound = SIDE_BY_SIDE[launcher._target_]
    if bound is None:
        return max(1, int(batch))
    from joblib import effective_n_jobs

    return max(1, min(int(batch), effective_n_jobs(launcher[bound])))


def directory_of_job() -> str:
    """What a job's directory is called: the resolver `job_name` of conf/config.yaml."""
    from dqn_experiments.ledger.plan import directory_of, read_plan

    hydra = HydraConfig.get()
    sweep_dir = Path(hydra.sweep.dir)
    overrides: list[str] = OmegaConf.to_container(hydra.overrides.task)  # type: ignore[assignment]
    return directory_of(sweep_dir, overrides, read_plan(sweep_dir).swept)


@contextmanager
def remembered(run_dir: Path, overrides: list[str], retry: bool) -> Iterator[None]:
    """Let a job of a sweep that failed fail again at once, unless it is to be tried again.

    What is not the job's own failure is not kept: a signal, or another process in its directory.

    Raises:
        ConfigError, TrainingError: as the job did.
    """
    from dqn_experiments.machine.files import of_a_file
    from dqn_experiments.run.failure import failure_of, forget, remember
    from dqn_experiments.run.ownership import NotOursError

    before = failure_of(run_dir)
    if before and not retry:
        raise before.again()
    if before:
        forget(run_dir)
    try:
        yield
    except (NotOursError, StoppedError):
        raise
    except (ConfigError, TrainingError) as error:
        remember(run_dir, error, overrides)
        raise
    except OSError as error:
        remember(run_dir, TrainingError(of_a_file(error)), overrides)
        raise
    except Exception as error:
        remember(run_dir, TrainingError(f"failed unexpectedly: {error!r}"), overrides)
        raise


@contextmanager
def shared(composed: DictConfig, hydra: HydraConf) -> Iterator[None]:
    """Give a job its part of a machine on which several run at once; one line tells it."""
    from dqn_experiments.ledger.plan import read_plan

    sweep_dir = as_typed(hydra.sweep.dir)
    processes = read_plan(sweep_dir).at_once
    if processes == 1:
        yield
        return
    from dqn_experiments.machine.cores import usable_cores
    from dqn_experiments.machine.share import share_of_the_cores, take_a_gpu

    gpu, all_cores = None, usable_cores()
    if composed.device in ("auto", "cuda"):
        gpu = take_a_gpu(hydra.job.num, sweep_dir / ".gpus")
    with share_of_the_cores(processes) as cores:
        on_gpu = f", {gpu}" if gpu else ""
        log.info(f"{processes} jobs at once share {all_cores} cores: {cores} for this one{on_gpu}")
        yield


OmegaConf.register_resolver("job_name", directory_of_job, replace=True)  # in every job's process
