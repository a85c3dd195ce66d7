"""A run directory has one W&B run: the one that W&B gave, which an evaluation adds to."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import dqn_experiments as dqn
from dqn_experiments.commands import evaluate
from dqn_experiments.config.compose import composed
from dqn_experiments.run.ownership import owned
from tests.conftest import QUICK_CARTPOLE, Command, Told, metrics, wandb_records

FILM = "evaluation/video"
RUN = (*QUICK_CARTPOLE, "tracker.mode=offline", "hydra.run.dir=run")


def wandb_runs(run_dir: Path) -> list[dict[str, Any]]:
    return wandb_records(run_dir, "run")


def test_variables_of_wandb_are_heeded_and_remembered(command: Command, tmp_path: Path) -> None:
    variables = {
        "WANDB_PROJECT": "my_project",
        "WANDB_ENTITY": "my_team",
        "WANDB_NAME": "my name",
        "WANDB_RUN_GROUP": "my_group",
        "WANDB_JOB_TYPE": "try",
        "WANDB_TAGS": "a,b",
        "WANDB_RUN_ID": "my_id",
    }
    done = command(*RUN, **variables)
    assert done.returncode == 0, done.stderr
    done = command("run=run", "episodes=2", module="dqn_experiments.evaluate")
    assert done.returncode == 0, done.stderr
    first, again = wandb_runs(tmp_path / "run")
    for run in (first, again):
        assert run["run_id"] == "my_id"
        assert run["project"] == "my_project"
        assert run["entity"] == "my_team"
        assert run["display_name"] == "my name"
        assert run["run_group"] == "my_group"
        assert run["job_type"] == "try"
    assert first["tags"] == ["a", "b"]


def test_what_the_command_line_says_goes_before_variables(command: Command, tmp_path: Path) -> None:
    said = ("tracker.project=mine", "tracker.name=own", "tracker.tags=[c]")
    theirs = {"WANDB_PROJECT": "theirs", "WANDB_NAME": "theirs", "WANDB_TAGS": "theirs"}
    done = command(*RUN, *said, **theirs)
    assert done.returncode == 0, done.stderr
    (run,) = wandb_runs(tmp_path / "run")
    assert (run["project"], run["display_name"], run["tags"]) == ("mine", "own", ["c"])


@pytest.mark.slow
def test_a_run_of_a_wandb_sweep_stays_that_run(command: Command, tmp_path: Path) -> None:
    """An agent has the last word on a new run, and none on one that is there."""
    agent = {"WANDB_SWEEP_ID": "sweep1", "WANDB_RUN_ID": "trial1", "WANDB_PROJECT": "sweeps"}
    done = command(*RUN, "tracker.project=asked_for", **agent)
    assert done.returncode == 0, done.stderr
    known = json.loads((tmp_path / "run/wandb/identity.json").read_text())
    assert (known["id"], known["project"]) == ("trial1", "sweeps")
    other = {"WANDB_SWEEP_ID": "sweep2", "WANDB_RUN_ID": "trial2", "WANDB_PROJECT": "elsewhere"}
    for variables in ({}, other):
        done = command("run=run", "episodes=2", module="dqn_experiments.evaluate", **variables)
        assert done.returncode == 0, done.stderr
    assert [(run["run_id"], run["project"]) for run in wandb_runs(tmp_path / "run")] == [
        ("trial1", "sweeps")
    ] * 3


def test_every_offline_file_has_all_of_the_run(told: Told, tmp_path: Path) -> None:
    """Since `wandb sync` lets the one that comes last take the place of the others."""
    code, _, err = told(*RUN)
    assert code == 0, err
    code, _, err = told("run=run", "episodes=2", command=evaluate.main)
    assert code == 0, err
    files = sorted((tmp_path / "run/wandb").glob("offline-run-*"))
    assert len(files) == 2
    records = []
    for file in files:
        alone = tmp_path / file.name
        (alone / "wandb").mkdir(parents=True)
        (alone / "wandb" / file.name).symlink_to(file)
        rows = [record["item"] for record in wandb_records(alone, "history")]
        records.append([{key: row[key] for key in row if key[0] != "_"} for row in rows])
        (run,) = wandb_runs(alone)
        assert run["config"]["update"]["optimizer"]["lr"] == 1e-3
    assert records[0] == records[1] == metrics(tmp_path / "run")


def written(run_dir: Path) -> dict[Path, int]:
    """When what was; W&B's service writes on in its logs."""
    return {path: path.stat().st_mtime_ns for path in run_dir.rglob("*") if path.suffix != ".log"}


def test_an_evaluation_beside_a_training_prints_its_score_and_touches_nothing(
    told: Told, tmp_path: Path
) -> None:
    code, _, err = told(*RUN)
    assert code == 0, err
    run_dir = tmp_path / "run"
    with owned(run_dir, "run_dir"):
        before = written(run_dir)
        code, out, err = told("run=run", "episodes=2", command=evaluate.main)
        assert code == 0, err
        assert "2 episodes" in out
        assert f"in use by process {os.getpid()}" in out
        assert written(run_dir) == before


def test_every_file_has_the_films_in_the_rows_of_their_evaluations(tmp_path: Path) -> None:
    """And what a score that is added later was filmed of is in the summary, like the score."""
    run = ("total_steps=300", "evaluation.every=150", "evaluation.video=true")
    dqn.train(composed(*QUICK_CARTPOLE, *run, "tracker.mode=offline"), tmp_path)
    dqn.evaluate(tmp_path, episodes=2, seed=1, track=True)
    films = [f"evaluation_{step}" for step in (150, 300)]
    content = [(tmp_path / "videos" / f"{film}.mp4").read_bytes() for film in films]
    scored = (tmp_path / "videos" / "evaluate_300.mp4").read_bytes()
    assert scored not in content
    rows = [record["item"] for record in wandb_records(tmp_path, "history")]
    sent = [(row["evaluation/step"], row[f"{FILM}.path"]) for row in rows if f"{FILM}.path" in row]
    assert sent == sent[:2] * 2
    assert [step for step, _ in sent[:2]] == [150, 300]
    first, again = sorted((tmp_path / "wandb").glob("offline-run-*"))
    for file in (first, again):
        assert [(file / "files" / path).read_bytes() for _, path in sent[:2]] == content
    summaries = [record.get("update", {}) for record in wandb_records(tmp_path, "summary")]
    (last,) = [summary[FILM] for summary in summaries if FILM in summary]
    assert (again / "files" / last["path"]).read_bytes() == scored


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WANDB_MODE", "foo", "one of online, offline, disabled"),
        ("WANDB_MODE", "", "one of online, offline, disabled"),
        ("WANDB_RUN_ID", "a/b", "1 to 128 characters, none of"),
        ("WANDB_RUN_ID", "a b", "1 to 128 characters, none of them blank"),
    ],
)
def test_a_variable_that_wandb_does_not_know_is_refused_by_its_name(
    name: str, value: str, allowed: str, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    code, _, err = told(*RUN)
    assert code == 2
    assert err.splitlines()[-1].startswith(f"error: {name}={value}: must be {allowed}")
    assert not list(tmp_path.iterdir())
