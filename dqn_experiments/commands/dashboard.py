"""A view and a report for a project on W&B: python -m dqn_experiments.dashboard."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from dqn_experiments.commands.command import run_command
from dqn_experiments.commands.typed import as_typed
from dqn_experiments.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import LinePlot, Report
    from wandb_workspaces.workspaces import Workspace

    from dqn_experiments.config.schema import DashboardConfig

YOURS = "your-default-entity"
"""What stands for the entity where nobody can be asked."""
GROUPED_BY = (
    "env.rom",
    "agent._target_",
    "agent.double",
    "agent.munchausen",
    "network.dueling",
    "network.noisy_sigma",
    "buffer._target_",
)
"""Keys of the config, a game and what makes an agent of the DQN family; runs that have the same
there become one curve, whatever else differs."""
SWEPT = (
    "optimizer.lr",
    "agent.target_update_every",
    "agent.discount",
    "buffer.n_step",
    "buffer.batch_size",
    "schedule.end",
)
"""Keys of the config that people compare runs by."""
LEARNING = {
    "Return of training episodes": "train/episode_return",
    "Mean return of evaluations": "evaluation/mean",
    "Human-normalized": "evaluation/human_normalized",
}
INSIDE = {
    "Loss": "train/loss",
    "Value of the greedy action": "train/q",
    "Epsilon": "train/epsilon",
    "Steps per second": "perf/steps_per_second",
}


def main() -> None:
    """Entry point of `python -m dqn_experiments.dashboard`."""
    run_command("dashboard", _dashboard)


def _dashboard(composed: DictConfig) -> None:
    from dqn_experiments.config.check import checked_keys
    from dqn_experiments.config.schema import DashboardConfig
    from dqn_experiments.tracker.wandb import unreachable

    try:
        import wandb_workspaces  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "dashboard: needs a package more; pip install 'dqn_experiments[dashboard]'"
        ) from error
    chosen = checked_keys(DashboardConfig, composed)
    baseline = _run_id(chosen.baseline)
    reason = f"output={chosen.output}" if chosen.output else unreachable()
    entity = chosen.entity or (YOURS if reason else _default_entity())
    made = view(chosen, entity, baseline), report(chosen, entity)
    if reason is None:
        for each in made:
            print(_created(each))
        return
    folder = as_typed(chosen.output or "wandb_dashboard")
    for name, each in zip(("view", "report"), made, strict=True):
        _write(folder / f"{name}.json", each)
    print(
        f"written to {folder} rather than created ({reason}); with a key (`wandb login`) and "
        f"without output= the same command creates both in {entity}/{chosen.project}"
    )


def view(chosen: "DashboardConfig", entity: str, baseline: str | None) -> "Workspace":
    """The saved view: curves by agent and game, mean and standard error over the runs of each.

    Args:
        chosen: the command's keys.
        entity: whose project it is.
        baseline: W&B's id of a run that is pinned.
    """
    import wandb_workspaces.workspaces as ws
    from wandb_workspaces import expr

    sections = [
        ws.Section(name="Learning", panels=_curves(LEARNING), is_open=True),
        ws.Section(name="Scores", panels=_scores(), is_open=True),
        ws.Section(name="Inside", panels=_curves(INSIDE)),
    ]
    return ws.Workspace(
        entity=entity,
        project=chosen.project,
        name=chosen.name,
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis="frames"),
        runset_settings=ws.RunsetSettings(
            groupby=[expr.Config(key) for key in GROUPED_BY],
            pinned_columns=["summary:evaluation/mean", "summary:evaluation/protocol"],
            baseline_run=baseline,
        ),
    )


def report(chosen: "DashboardConfig", entity: str) -> "Report":
    """The same panels with words around them, to be shared."""
    import wandb_workspaces.reports.v2 as wr

    runs = wr.Runset(groupby=[f"config.{key}" for key in GROUPED_BY])  # of the report's project
    return wr.Report(
        project=chosen.project,
        entity=entity,
        title=chosen.name,
        blocks=[
            wr.P(
                "Runs of one game and one agent (learning rule, double, Munchausen, dueling, "
                "noise, replay) are one curve, the mean with its standard error, whatever else "
                "differs: filter or group by what you compare. Frames are emulator frames, four "
                "to an agent step. Scores of different protocols are not comparable."
            ),
            wr.H2("Learning"),
            wr.PanelGrid(runsets=[runs], panels=_curves(LEARNING)),
            wr.H2("Scores"),
            wr.PanelGrid(runsets=[runs], panels=_scores()),
            wr.H2("Inside"),
            wr.PanelGrid(runsets=[runs], panels=_curves(INSIDE)),
        ],
    )


def _curves(metrics: dict[str, str]) -> list["LinePlot"]:
    import wandb_workspaces.reports.v2 as wr

    return [
        wr.LinePlot(
            title=title,
            x="frames",
            y=[metric],
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
        )
        for title, metric in metrics.items()
    ]


def _scores() -> list[Any]:
    """Final evaluations as bars, and which settings led to them."""
    import wandb_workspaces.reports.v2 as wr

    score = "evaluation/mean"
    keys = [wr.ParallelCoordinatesPlotColumn(metric=wr.Config(key)) for key in SWEPT]
    return [
        wr.BarPlot(
            title="Final evaluation",
            metrics=[score],
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
        ),
        wr.ParallelCoordinatesPlot(
            title="What led to it",
            columns=[*keys, wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric(score))],
        ),
    ]


def _run_id(baseline: str | None) -> str | None:
    """W&B's id of a run that is named by its directory, or by that id."""
    from dqn_experiments.tracker.wandb import remembered

    if baseline is None:
        return None
    run_dir = as_typed(baseline)
    if not run_dir.is_dir():
        if "/" in baseline:
            raise ConfigError(f"baseline={baseline}: must be a run directory or a run's id on W&B")
        return baseline
    known = remembered(run_dir)
    if known is None:
        raise ConfigError(f"baseline={baseline}: must be a run that W&B was told of")
    return known.id


def _default_entity() -> str:
    import wandb

    try:
        return str(wandb.Api().default_entity)
    except Exception as error:  # of many kinds
        raise _refused(error) from error


def _created(each: Any) -> str:
    """Its address."""
    try:
        return str(each.save().url)
    except Exception as error:  # of many kinds
        raise _refused(error) from error


def _refused(error: Exception) -> TrainingError:
    return TrainingError(f"W&B: {' '.join(str(error).split())}")


def _write(file: Path, each: Any) -> None:
    content = each._to_model().model_dump(mode="json", by_alias=True, exclude_none=True)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    except OSError as error:
        raise ConfigError(f"output={file.parent}: cannot be written ({error.strerror})") from error
