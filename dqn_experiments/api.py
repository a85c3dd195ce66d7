"""The Python front door: what the commands do, as functions, for notebooks and programs.

They work in any thread, inside a caller's own Hydra program, take paths as str or Path, and raise
this project's errors (`ConfigError`, `TrainingError`) and nothing that ends a process.
"""

# torch takes seconds to import, and the commands' --help needs none of it: so it is imported late
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dqn_experiments.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from omegaconf import DictConfig

    from dqn_experiments.run.score import Evaluation
    from dqn_experiments.train.session import Outcome
    from dqn_experiments.train.trained import TrainedAgent


def compose(*overrides: str, config_dir: str | Path | None = None) -> "DictConfig":
    """The config of a run, as a command line with these overrides would have it.

    Args:
        overrides: such as `"env=breakout"`, `"optimizer.lr=2e-4"`.
        config_dir: a folder of configs of your own, as --config-dir names it.

    Raises:
        ConfigError: one line that names the key, the value and what is allowed.
    """
    from dqn_experiments.config.compose import composed

    for override in overrides:
        if str(override).lstrip("+~").startswith(("resume=", "hydra.")):
            raise ConfigError(f"{override}: is of the command line; must be left out here")
    with _one_line_errors():
        return composed(*overrides, own=None if config_dir is None else Path(config_dir))


def train(config: "DictConfig", run_dir: str | Path | None = None) -> "Outcome":
    """Train as `config` says, from where the run in `run_dir` stands, with a progress bar.

    Ctrl-C, or a notebook's stop button, writes a checkpoint and raises KeyboardInterrupt; the same
    call then goes on as if nothing had happened. So does one after the process was killed.

    Args:
        config: what `compose` gave.
        run_dir: where everything is left; None: a new folder below outputs/.

    Returns:
        Where the run is and stands, and its score.

    Raises:
        ConfigError: if the folder holds another run, or one that cannot be continued.
        TrainingError: if training cannot go on; the message says what is left of it.
    """
    from dqn_experiments.config.check import checked
    from dqn_experiments.machine.files import made, of_a_file, unique
    from dqn_experiments.train.scoring import game_name
    from dqn_experiments.train.start import train

    config = checked(config)  # which a caller may have changed since
    played = re.sub(r"\W", "_", game_name(config)), str(config.agent["_target_"]).split(".")[-2]
    if run_dir == "":  # a variable that is not set
        raise ConfigError("run_dir=: must be a directory")
    if run_dir is None:
        run_dir = Path("outputs", *played, f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{unique()}")
    run_dir = Path(run_dir).absolute()
    title = " ".join(["/".join(played), run_dir.name])
    with ExitStack() as stack:
        try:
            stack.enter_context(made(run_dir))
        except OSError as error:
            raise ConfigError(f"run_dir={run_dir}: cannot be written ({error.strerror})") from error
        try:
            return train(config, run_dir, title)
        except OSError as error:
            raise TrainingError(of_a_file(error)) from error


def go_on(run_dir: str | Path, *overrides: str) -> "Outcome":
    """Go on with a run as its own config says, as the command's `resume=<run directory>` does.

    Args:
        run_dir: the run's directory.
        overrides: what is to change, such as `"total_steps=5_000_000"`.

    Raises:
        ConfigError: if it holds no run, or an override would make it another one.
        TrainingError: if training cannot go on.
    """
    from dqn_experiments.config.compose import as_written
    from dqn_experiments.run.same_run import continued_config

    with _one_line_errors():
        config = continued_config(Path(run_dir), as_written(*overrides), list(overrides))
    return train(config, run_dir)


def evaluate(
    run_dir: str | Path,
    *,
    checkpoint: str | int = "latest",
    episodes: int | None = None,
    epsilon: float | None = None,
    num_envs: int | None = None,
    max_frames: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    track: bool = False,
) -> "Evaluation":
    """Score a checkpoint of a run, as `python -m dqn_experiments.evaluate` does.

    Args:
        run_dir: the run's directory, where the score is left in evaluation.json.
        checkpoint: `latest`, `best` or a number of steps.
        episodes: how many; like all that follow, None means as the run was configured.
        epsilon: probability of a random action.
        num_envs: environments side by side.
        max_frames: emulator frames after which an episode is cut.
        seed: of environments and exploration.
        device: what the network runs on.
        track: whether to add the score to the run's W&B run.

    Returns:
        The score, and the returns and lengths of all episodes.

    Raises:
        ConfigError: if there is no such checkpoint, or a value cannot work.
    """
    from dqn_experiments.config.check import checked_keys
    from dqn_experiments.config.schema import EvaluateConfig
    from dqn_experiments.train.trained import evaluated

    chosen: dict[str, Any] = {
        "run": str(run_dir),
        "checkpoint": str(checkpoint),
        "episodes": episodes,
        "epsilon": epsilon,
        "num_envs": num_envs,
        "max_frames": max_frames,
        "seed": seed,
        "device": device,
        "track": track,
        "trust": [],
    }
    return evaluated(checked_keys(EvaluateConfig, chosen))


def load(
    run_dir: str | Path, checkpoint: str | int = "latest", device: str = "auto", seed: int = 0
) -> "TrainedAgent":
    """The agent of a run's checkpoint, to act with.

    Args:
        run_dir: the run's directory.
        checkpoint: `latest`, `best` or a number of steps.
        device: what its network runs on.
        seed: of how it explores.

    Raises:
        ConfigError: if there is no such checkpoint, or it is damaged or does not fit its config.
    """
    from dqn_experiments.config.check import checked_keys
    from dqn_experiments.config.schema import LoadConfig
    from dqn_experiments.train.trained import TrainedAgent

    chosen = {"run": str(run_dir), "checkpoint": str(checkpoint), "device": device, "seed": seed}
    return TrainedAgent(checked_keys(LoadConfig, {**chosen, "epsilon": None, "trust": []}))


def history(run_dir: str | Path) -> "dict[str, NDArray[np.float64]]":
    """The training episodes of a run: its history.csv as arrays f64 [episodes] by column.

    Columns are `step`, `episode_return`, `episode_length`, `epsilon`, `loss` and `q`; see
    `dqn_experiments.run.record.Episode`.

    Raises:
        ConfigError: if there is no readable history.
    """
    from dqn_experiments.run.history import read_history

    return read_history(Path(run_dir))


def trust(*packages: str) -> None:
    """Let configs name classes of these packages, from now on in this process.

    Raises:
        ConfigError: if one is not the name of a package.
    """
    from dqn_experiments.config.trust import trust

    trust(*packages)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Hydra's errors as this project's; it has no class of its own for some wrong overrides."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    from dqn_experiments.commands.one_line import one_line

    try:
        yield
    except ConfigError:
        raise
    except (HydraException, OmegaConfBaseException, YAMLError, ValueError) as error:
        raise ConfigError(one_line(error)) from error
