"""What every command shares: Hydra in front, one line and an exit code where something is wrong."""

import logging
import os
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
from omegaconf import DictConfig
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from dqn_experiments.env.roms import register_env_configs
from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.groups import EXECUTION_WHITELIST
from dqn_experiments.interrupt import Interrupted

log = logging.getLogger(__name__)

Task = Callable[[DictConfig], None]


def run_command(config_name: str, task: Task) -> None:
    """Compose `config_name` with the command line's overrides and hand it to `task`.

    Exit codes: 2 for a configuration that cannot work, 1 for training that cannot go on, 130 and
    143 for SIGINT and SIGTERM. With HYDRA_FULL_ERROR=1 errors come with their traceback instead.
    """
    register_env_configs()
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        _hydra_main(config_name, task)
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors, so that they end up here
    try:
        _hydra_main(config_name, task)
    except (ConfigError, HydraException, OmegaConfBaseException) as error:
        _fail(_one_line(error), 2)
    except TrainingError as error:
        _fail(str(error), 1)
    except Interrupted as stop:
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _hydra_main(config_name: str, task: Task) -> None:
    started = False

    @wraps(task)
    def job(config: DictConfig) -> None:
        nonlocal started
        started = True
        try:
            task(config)
        except (ConfigError, TrainingError) as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                log.error(f"job {HydraConfig.get().job.num} failed: {error}")
            raise

    main = hydra.main(
        config_path=_config_dir(),
        config_name=config_name,
        execution_whitelist=EXECUTION_WHITELIST,
    )
    try:
        main(job)()
    except OSError as error:
        if started or isinstance(error, HydraException):
            raise
        raise ConfigError(f"{error.filename}: cannot be written ({error.strerror})") from error


def _config_dir() -> str:
    """The folder of yaml files: inside an installed package, beside a source tree's."""
    package = Path(__file__).parent
    inside = package / "conf"
    return str(inside if inside.is_dir() else package.parent / "conf")


def _one_line(error: BaseException) -> str:
    """What is wrong, which key, and what is allowed."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.partition("/")
        return f"{group}={choice}: {_choices(choice, error.options)}"
    key_error = error if isinstance(error, ConfigKeyError) else error.__cause__
    if isinstance(key_error, ConfigKeyError) and key_error.parent_node is not None:
        allowed = [str(key) for key in key_error.parent_node]
        return f"{key_error.full_key}: unknown key; {_choices(str(key_error.key), allowed)}"
    return " ".join(str(error).split())


def _choices(wrong: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(wrong, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{hint}must be one of {', '.join(allowed)}"


def _fail(message: str, exit_code: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(exit_code)
