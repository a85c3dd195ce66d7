"""The flags that say where Hydra finds configs, and what is wrong with them before it looks."""

from argparse import Namespace
from pathlib import Path

from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.config.groups import config_dir
from dqn_experiments.config.own_folder import is_run_dir
from dqn_experiments.errors import ConfigError


def flags(arguments: list[str]) -> Namespace:
    """A command line as Hydra reads it; ends the process with its usage where Hydra would."""
    return get_args_parser().parse_intermixed_args(arguments)


def check_flags(given: Namespace, config_name: str) -> None:
    """Refuse folders and names of configs with which a command cannot work.

    Args:
        given: the flags.
        config_name: the command's own config.

    Raises:
        ConfigError: naming the flag, its value, and what is allowed or meant.
    """
    rerun, name = given.experimental_rerun, given.config_name
    if rerun is not None and not Path(rerun, ".hydra", "hydra.yaml").is_file():
        raise ConfigError(
            f"--experimental-rerun {rerun}: must be the directory of a run that a command began; "
            "it has no .hydra/hydra.yaml"
        )
    if given.config_dir is not None:
        _check_folder("--config-dir", given.config_dir)
    if given.config_path is not None and not given.config_path.startswith("pkg://"):
        _check_folder("--config-path", given.config_path)
        _check_complete(given.config_path, name or config_name)
    folders = [folder for folder in (given.config_dir, given.config_path) if folder]
    is_own = any(Path(folder, _file(name)).is_file() for folder in folders if name)
    if name not in (None, config_name, _file(config_name)) and not is_own:
        raise ConfigError(
            f"--config-name {name}: must be {config_name}, or a file in the folder that "
            "--config-dir names"
        )


def check_own_config(config: DictConfig, config_name: str) -> None:
    """Refuse what lacks keys of the command's own main config, as another one was composed."""
    own = OmegaConf.load(config_dir() / _file(config_name))
    lacking = [str(key) for key in own if key not in ("defaults", "hydra") and key not in config]
    if len(lacking) > 1:  # a single one was left out by a command line, and is told as such
        raise ConfigError(
            f"{lacking[0]}: no value given; set it with {lacking[0]}=<value>, or begin the "
            f"defaults of your main config with {config_name}"
        )


def _check_folder(flag: str, folder: str) -> None:
    if not Path(folder).is_dir():
        raise ConfigError(f"{flag} {folder}: must be a folder of configs")
    if is_run_dir(Path(folder)):
        again = f", --experimental-rerun {folder} hydra.run.dir=<new directory> begins it anew"
        has_command = Path(folder, ".hydra", "hydra.yaml").is_file()
        raise ConfigError(
            f"{flag} {folder}: must be a folder of configs, and is the directory of a run; "
            f"resume={folder} goes on with it{again if has_command else ''}"
        )


def _check_complete(folder: str, name: str) -> None:
    """A folder that takes the place of the project's own."""
    if not Path(folder, _file(name)).is_file():
        raise ConfigError(
            f"--config-path {folder}: must have a {_file(name)}; configs that are added to the "
            f"project's own are named by --config-dir {folder}"
        )
    if not Path(folder).is_absolute():
        raise ConfigError(f"--config-path {folder}: must be an absolute path")


def _file(name: str) -> str:
    return name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"
