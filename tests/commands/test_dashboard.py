"""What a project's view and report on W&B would be, where W&B cannot be asked."""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb

from dqn_experiments.commands.dashboard import GROUPED_BY, INSIDE, LEARNING, SWEPT, main
from dqn_experiments.config.compose import composed
from dqn_experiments.train.start import train
from tests.conftest import QUICK_CARTPOLE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    wandb.teardown()  # W&B reads its variables once for all that a process does
    yield tmp_path / "wandb_dashboard"
    wandb.teardown()


def run(monkeypatch: pytest.MonkeyPatch, *overrides: str) -> None:
    monkeypatch.setattr(sys, "argv", ["dqn_experiments.dashboard", *overrides])
    main()


def panels(content: Any) -> list[dict[str, Any]]:
    """All that there are, however deep."""
    if isinstance(content, list):
        return [panel for each in content for panel in panels(each)]
    if not isinstance(content, dict):
        return []
    return [content] if "viewType" in content else panels(list(content.values()))


def test_it_is_written_where_nothing_can_be_sent(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder.parent / "a_run" / "wandb").mkdir(parents=True)
    identity = {"id": "abc123", "name": None, "group": None}
    (folder.parent / "a_run" / "wandb" / "identity.json").write_text(json.dumps(identity))
    run(monkeypatch, "project=mine", "entity=me", "baseline=a_run")
    assert "WANDB_MODE=offline" in capsys.readouterr().out
    view, report = (
        json.loads((folder / f"{name}.json").read_text()) for name in ("view", "report")
    )
    for made in (view, report):
        assert made["displayName"] == "Experiments"
        *_, scores, led_to_them = (
            each for each in panels(made) if each["viewType"] != "Run History Line Plot"
        )
        assert scores["config"]["metrics"] == ["evaluation/mean"]
        columns = [column["accessor"] for column in led_to_them["config"]["columns"]]
        assert columns[0] == "config:optimizer.value.lr"
        assert columns[-1] == "summary:evaluation/mean"
        curves = [each["config"] for each in panels(made) if "xAxis" in each["config"]]
        shown = {metric for curve in curves for metric in curve["metrics"]}
        assert shown == {*LEARNING.values(), *INSIDE.values()}
        assert {curve["xAxis"] for curve in curves} == {"frames"}
        assert {(curve["groupAgg"], curve["groupArea"]) for curve in curves} == {("mean", "stderr")}
    (runs,) = view["spec"]["section"]["runSets"]
    assert base64.b64decode(runs["baselineRunId"]).split(b":")[2:] == [b"abc123", b"mine", b"me"]
    assert (view["entity"], view["project"]) == ("me", "mine")


def test_what_it_shows_is_what_runs_log(tmp_path: Path) -> None:
    train(composed(*QUICK_CARTPOLE, "log_every=200", "tracker.mode=disabled"), tmp_path)
    rows = (tmp_path / "metrics.jsonl").read_text()
    logged = {name for line in rows.splitlines() for name in json.loads(line)}
    assert {*LEARNING.values(), *INSIDE.values()} <= logged | {"evaluation/human_normalized"}
    config = composed()
    for key in (*GROUPED_BY, *SWEPT):
        group, _, name = key.partition(".")
        assert name in config[group]


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("baseline=no/such/run", "baseline=no/such/run: must be a run directory or a run's id"),
        ("baseline=.", "baseline=.: must be a run that W&B was told of"),
        ("project=a/b", "project=a/b: "),
        ("output=/dev/null/x", "output=/dev/null/x: cannot be written"),
        ("colour=red", "colour: unknown key"),
    ],
)
def test_mistakes_get_one_line(
    override: str,
    told: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stop:
        run(monkeypatch, override)
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {told}")
