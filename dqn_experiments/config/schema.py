"""The keys that are not those of a component, and what each of them may be."""

from typing import Annotated, Literal

from hydra.utils import to_absolute_path
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, DirectoryPath, Field

from dqn_experiments.config.constraints import (
    Count,
    OptionalCount,
    Seed,
    Threads,
    UnitInterval,
    WandbProject,
)
from dqn_experiments.config.duration import OptionalStepsOrDuration, StepsOrDuration
from dqn_experiments.config.protocol import ProtocolName
from dqn_experiments.machine.devices import Device

CLOSED = ConfigDict(extra="forbid")


def _several(packages: object) -> object:
    return [packages] if isinstance(packages, str) else packages


def _absolute(path: str) -> str:
    """As seen from where the command was started; whether it is there counts at a run's start."""
    if not path:
        raise ValueError("must be a run directory, a checkpoint's folder or a network.pt")
    return to_absolute_path(path)


AbsolutePath = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(_absolute)]
Packages = Annotated[list[str], BeforeValidator(_several)]


class CheckpointConfig(BaseModel):
    """When checkpoints are written, and how many stay besides the best."""

    model_config = CLOSED
    every: OptionalStepsOrDuration
    keep: Count


class ResetConfig(BaseModel):
    """When weights are mixed with new ones."""

    model_config = CLOSED
    every: OptionalCount
    until: OptionalCount
    keep_torso: UnitInterval
    keep_head: UnitInterval


class RunConfig(BaseModel):
    """The run's own keys."""

    model_config = CLOSED
    seed: Seed
    device: Device
    deterministic: bool
    cpu_threads: Threads | None
    cuda_graphs: bool
    trust: Packages
    retry_failed: bool
    resume: Annotated[str, Field(coerce_numbers_to_str=True)]
    pause_after: StepsOrDuration | None
    pause_at: Count | None
    total_steps: Count
    learning_starts: OptionalCount
    update_every: Count
    updates_at_once: Count
    overlap_updates: bool
    initial_weights: AbsolutePath | None
    protocol: ProtocolName | None
    log_every: Count
    checkpoint: CheckpointConfig
    reset: ResetConfig


class CheckpointChoice(BaseModel):
    """Which weights of which run a command plays with, and on what."""

    model_config = CLOSED
    run: DirectoryPath
    checkpoint: Annotated[str, Field(coerce_numbers_to_str=True)]
    device: Device
    epsilon: UnitInterval | None
    trust: Packages


class EvaluateConfig(CheckpointChoice):
    """The keys of `python -m dqn_experiments.evaluate`; None: as the run was configured."""

    episodes: Count | None
    num_envs: Count | None
    max_frames: Count | None
    seed: Seed | None
    track: bool


class LoadConfig(CheckpointChoice):
    """What is asked for of an agent to act with."""

    seed: Seed


class WatchConfig(LoadConfig):
    """The keys of `python -m dqn_experiments.watch`; None: as the run was configured."""

    max_frames: Count | None
    episodes: Count
    render: Literal["video", "human"]


class DashboardConfig(BaseModel):
    """The keys of `python -m dqn_experiments.dashboard`."""

    model_config = CLOSED
    project: WandbProject
    entity: str | None
    name: Annotated[str, Field(min_length=1, max_length=128)]
    baseline: str | None
    output: str | None
