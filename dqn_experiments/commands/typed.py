"""What the person typed who started the command, as that person meant it."""

from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf


def task_overrides() -> list[str]:
    """What the command line says of the job at hand, as it was written."""
    return written(HydraConfig.get().overrides.task)


def written(overrides: Any) -> list[str]:
    """Overrides out of a config of Hydra's, with what they interpolate left alone."""
    plain: list[str] = OmegaConf.to_container(overrides)  # type: ignore[assignment]
    return plain


def as_typed(path: object) -> Path:
    """A path as the person meant it, wherever Hydra went since."""
    started_in = Path(HydraConfig.get().runtime.cwd)
    return Path(str(path)) if Path.cwd() == started_in else started_in / str(path)


def keep_path(config: DictConfig, key: str) -> None:
    """Let the path that a key holds be one as it was typed."""
    path = OmegaConf.select(config, key)  # None where it is missing, which is told elsewhere
    if path is not None:
        config[key] = str(as_typed(path))
