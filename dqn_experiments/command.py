"""What every command shares: Hydra in front, one line and an exit code where something is wrong."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from dqn_experiments.env.roms import register_env_configs
from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.groups import EXECUTION_WHITELIST, config_dir

log = logging.getLogger(__name__)

Task = Callable[[DictConfig], None]


def run_command(config_name: str, task: Task) -> None:
    """Compose `config_name` with the command line's overrides and hand it to `task`.

    Exit codes: 2 for a configuration that cannot work, 1 for training that cannot go on, 130,
    138 and 143 for SIGINT, SIGUSR1 and SIGTERM. With HYDRA_FULL_ERROR=1 Hydra's errors come with
    their traceback.
    """
    register_env_configs()
    logging.raiseExceptions = False  # a log file on a full disk is not worth a traceback per line
    OmegaConf.register_resolver("run_dir", _run_dir, replace=True)
    OmegaConf.register_resolver("hydra_subdir", _hydra_subdir, replace=True)
    main = hydra.main(
        config_path=config_dir(), config_name=config_name, execution_whitelist=EXECUTION_WHITELIST
    )(_as_job(task))
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        main()
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors, so that they end up here
    try:
        main()
    except (ConfigError, TrainingError, HydraException, OmegaConfBaseException) as error:
        _fail(error)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        sys.exit(1)  # whoever read the help has seen enough
    except OSError as error:
        _fail(ConfigError(f"hydra.run.dir: {error.filename} cannot be written ({error.strerror})"))
    except ValueError as error:  # Hydra has no class of its own for some wrong overrides
        _fail(error)
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def _as_job(task: Task) -> Task:
    """`task` with its errors told here, so that all others are Hydra's, from before the job."""

    @wraps(task)
    def job(config: DictConfig) -> None:
        try:
            task(config)
        except (ConfigError, TrainingError, OSError) as error:
            told = TrainingError(str(error)) if isinstance(error, OSError) else error
            if HydraConfig.get().mode == RunMode.RUN:
                _fail(told)
            log.error(f"job {HydraConfig.get().job.num} failed: {told}")
            raise told from error
        except Exception as error:
            log.exception("failed unexpectedly")
            if HydraConfig.get().mode == RunMode.RUN:
                sys.exit(1)
            raise TrainingError(f"job {HydraConfig.get().job.num}: {error!r}") from error

    return job


def _run_dir(resume: object, new: str) -> str:
    """Where a run lies that is to be continued, or else a `new` directory."""
    return str(resume) if Path(str(resume), "config.yaml").is_file() else new


def _hydra_subdir(run_dir: object) -> str | None:
    """Where Hydra keeps what it composed; nowhere where a run has begun: that command is kept."""
    return None if Path(str(run_dir), "config.yaml").is_file() else ".hydra"


def _one_line(error: BaseException) -> str:
    """What is wrong, which key, and what is allowed."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.partition("/")
        return f"{group}={choice}: {_choices(choice, error.options)}"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)) and cause.parent_node is not None:
        allowed = [str(key) for key in cause.parent_node]
        return f"{cause.full_key}: unknown key; {_choices(str(cause.key), allowed)}"
    return " ".join(str(error).split())


def _choices(wrong: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(wrong, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}must be one of {', '.join(allowed)}"


def _fail(error: BaseException) -> NoReturn:
    print(f"error: {_one_line(error)}", file=sys.stderr)
    sys.exit(1 if isinstance(error, TrainingError) else 2)
