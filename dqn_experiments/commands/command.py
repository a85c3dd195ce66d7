"""What every command shares: Hydra in front, one line and an exit code where something is wrong."""

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from dqn_experiments.commands.batches import BatchSweeper, take_hydras_place
from dqn_experiments.commands.flags import check_flags, check_own_config, flags
from dqn_experiments.commands.halving import HalvingSweeper
from dqn_experiments.commands.ledger import KeepLedger
from dqn_experiments.commands.one_line import one_line
from dqn_experiments.commands.parallel import PassSignalsOn
from dqn_experiments.commands.tidy import MULTIRUN, LeaveNothingEmpty
from dqn_experiments.config.groups import config_dir
from dqn_experiments.config.overrides import check_overrides
from dqn_experiments.config.roms import register_env_configs
from dqn_experiments.config.trust import trust_named
from dqn_experiments.errors import ConfigError, StoppedError, TrainingError
from dqn_experiments.machine.files import of_a_file, unique
from dqn_experiments.machine.interrupt import Interrupted, signals_are_held

log = logging.getLogger(__name__)

OF_HYDRA = (PassSignalsOn, LeaveNothingEmpty, KeepLedger)
CALLBACKS = tuple(f"{callback.__module__}.*" for callback in OF_HYDRA)

OF_OPTUNA = "No trials are completed yet."
NO_SCORE = "no run of the sweep has a score; each was paused before it or failed"

LAUNCHERS = ("joblib", "ray", "submitit")
"""Packages whose errors say that a job's process is gone; what a job raises is told by itself."""

Task = Callable[[DictConfig], float | None]

FULL_ERROR = "HYDRA_FULL_ERROR"

TOLD = (TrainingError, HydraException, OmegaConfBaseException, YAMLError, ValueError)
"""Errors whose message is all there is to tell; Hydra has no class for some wrong overrides."""


def run_command(config_name: str, task: Task) -> None:
    """Compose `config_name` with the command line's overrides and hand it to `task`.

    Exit codes: 2 for a configuration that cannot work, 1 for training that cannot go on, 128 + n
    for signal n. With HYDRA_FULL_ERROR=1 Hydra's errors come with their traceback.
    """
    register_env_configs()
    for sweeper in (BatchSweeper, HalvingSweeper):
        Plugins.instance().register(sweeper)
    take_hydras_place()
    logging.raiseExceptions = False  # a log file on a full disk is not worth a traceback per line
    OmegaConf.register_resolver("run_dir", _run_dir, replace=True)
    OmegaConf.register_resolver("unique", unique, use_cache=True, replace=True)
    OmegaConf.register_resolver("explained", _explained, replace=True)
    main = hydra.main(
        config_path=str(config_dir()),
        config_name=config_name,
        execution_whitelist=CALLBACKS,  # components are built by ourselves
    )(_as_job(task, config_name))
    if os.environ.get(FULL_ERROR) == "1":
        _look_over(config_name)
        main()
        return
    os.environ[FULL_ERROR] = "1"  # makes Hydra raise its errors, so that they end up here
    try:
        _look_over(config_name)
        main()
        _end_if_stopped()  # a sweeper may have taken it for failures of its jobs
    except Interrupted as stop:
        sys.exit(stop.code)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        sys.exit(1)  # whoever read the help has seen enough
    except Exception as error:
        _end_if_stopped()
        if str(error) == OF_OPTUNA:
            _fail(TrainingError(NO_SCORE))
        if isinstance(error, TOLD):
            _fail(error)
        if type(error).__module__.partition(".")[0] in LAUNCHERS:
            died = f"a process of the sweep died ({type(error).__name__})"
            _fail(TrainingError(f"{died}; the same command goes on"))
        _fail(_told_of_hydra(error))
    finally:
        del os.environ[FULL_ERROR]
        KeepLedger.told = ""


def _look_over(config_name: str) -> None:
    """Refuse what Hydra would tell badly of the command line, and trust what it names."""
    given = flags(sys.argv[1:])
    if given.shell_completion:
        return
    check_flags(given, config_name)
    own = Path(given.config_dir) if given.config_dir else None
    check_overrides(given.overrides, own, has_groups=config_name == "config")
    trust_named(given.overrides)


def _told_of_hydra(error: Exception) -> ConfigError:
    """Whatever else Hydra raises of a config that it cannot work with; jobs tell of their own."""
    if isinstance(error, OSError) and error.filename:
        file = Path(os.fsdecode(error.filename))
        if file.suffix == ".yaml" and file.name != MULTIRUN and file.exists():
            return ConfigError(f"{file}: cannot be read ({error.strerror})")
        key = "hydra.sweep.dir" if flags(sys.argv[1:]).multirun else "hydra.run.dir"
        if isinstance(error, FileExistsError | NotADirectoryError):
            return ConfigError(f"{key}: must be a directory, and {file} cannot be one")
        return ConfigError(f"{key}: {file} cannot be written ({error.strerror})")
    return ConfigError(f"{one_line(error)} ({FULL_ERROR}=1 shows where)")


def _end_if_stopped() -> None:
    """Tell of a signal that stopped a parallel sweep, whatever a launcher makes of it."""
    if PassSignalsOn.stopped_by:
        came = Interrupted(PassSignalsOn.stopped_by)
        told = f"{came.signal}: the sweep is stopped; the same command goes on"
        print(told, file=sys.__stderr__)
        sys.exit(came.code)


def _as_job(task: Task, config_name: str) -> Task:
    """`task` with its errors told here, so that all others are Hydra's, from before the job."""

    @wraps(task)
    def job(config: DictConfig) -> float | None:
        if PassSignalsOn.stopped_by:
            raise StoppedError("not begun: the sweep is being stopped")
        try:
            check_own_config(config, config_name)
            return task(config)
        except Interrupted as stop:
            if not signals_are_held():
                raise
            PassSignalsOn.stopped_by = stop.args[0]
            raise StoppedError(str(stop)) from None
        except (ConfigError, TrainingError, OSError) as error:
            told = TrainingError(of_a_file(error)) if isinstance(error, OSError) else error
            if HydraConfig.get().mode == RunMode.RUN:
                _fail(told)
            log.error(f"job {HydraConfig.get().job.num} failed: {told}")
            raise told from error
        except Exception as error:
            if HydraConfig.get().mode == RunMode.RUN:
                traceback.print_exc()
                _fail(TrainingError(f"failed unexpectedly: {error!r}"))
            log.exception("failed unexpectedly")
            raise TrainingError(f"job {HydraConfig.get().job.num}: {error!r}") from error

    return job


def _run_dir(resume: object, new: str) -> str:
    """Where a run lies that is to be continued, or else a `new` directory."""
    return str(resume) if os.path.isfile(os.path.join(str(resume), "config.yaml")) else new


def _explained(config_name: str) -> str:
    """The keys of a command, their defaults and what they mean, for the template of a help."""
    lines = (config_dir() / f"{config_name}.yaml").read_text("utf-8").splitlines()
    return "\n".join(lines[1 : lines.index("defaults:")]).strip().replace("$", "$$")


def _fail(error: BaseException) -> NoReturn:
    of_a_job = isinstance(error, ConfigError | TrainingError)  # others are met before any begins
    print(f"error: {KeepLedger.told if of_a_job else ''}{one_line(error)}", file=sys.stderr)
    sys.exit(1 if isinstance(error, TrainingError) else 2)
