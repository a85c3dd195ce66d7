"""A sweep's table: which jobs there are, what tells them apart, and the figures over seeds."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
import yaml

from dqn_experiments.errors import ConfigError, TrainingError
from dqn_experiments.ledger.plan import Plan, directory_of, read_plan, write_plan
from dqn_experiments.ledger.rows import as_csv, best, counted, failed, rows_of_sweep
from dqn_experiments.ledger.table import show
from dqn_experiments.run import failure
from tests.run.test_status import begun, saved

SCORES = {("0.001", "1"): 3.0, ("0.001", "2"): 8.5, ("0.002", "1"): 7.0, ("0.002", "2"): 7.5}


def job(lr: str, seed: str) -> list[str]:
    return ["env=pong", f"optimizer.lr={lr}", f"seed={seed}"]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Of two learning rates and two seeds, all finished, and one learning rate that failed."""
    jobs = [*(job(*each) for each in SCORES), job("-1", "1"), job("-1", "2")]
    write_plan(tmp_path, jobs, ["optimizer.lr", "seed"], at_once=2)
    for (lr, seed), score in SCORES.items():
        run = begun(tmp_path / f"env-pong+optimizer.lr-{lr}+seed-{seed}")
        saved(run, 100, score)
    run = tmp_path / "env-pong+optimizer.lr--1+seed-1"
    run.mkdir()
    failure.remember(run, TrainingError("it \x1b[31mbroke"), job("-1", "1"))
    return tmp_path


def test_jobs_are_those_asked_for_and_seeds_are_taken_together(sweep: Path) -> None:
    rows = rows_of_sweep(sweep)
    assert [row.status.name for row in rows] == ["finished"] * 4 + ["failed", "waiting"]
    assert rows[0].differs == {"optimizer.lr": "0.001", "seed": "1"}
    leader = best(rows)
    assert leader is not None
    assert (leader.differs, leader.mean) == ((("optimizer.lr", "0.002"),), 7.25)
    assert counted(rows) == "6 jobs: 1 failed, 4 finished, 1 waiting"
    assert [row.job for row in failed(rows)] == ["env-pong+optimizer.lr--1+seed-1"]
    table = list(csv.DictReader(io.StringIO(as_csv(rows))))
    for line in table[:4]:
        same = [SCORES[key] for key in SCORES if key[0] == line["optimizer.lr"]]
        assert float(line["score"]) == SCORES[line["optimizer.lr"], line["seed"]]
        assert float(line["mean"]) == pytest.approx(np.mean(same))
        assert float(line["std"]) == pytest.approx(np.std(same, ddof=1))
        assert (line["status"], line["step"], line["seeds"]) == ("finished", "100", "2")
    assert (table[4]["status"], table[4]["failure"]) == ("failed", "it \x1b[31mbroke")


def test_the_table_is_plain_where_there_is_no_terminal(sweep: Path) -> None:
    text = io.StringIO()
    show(rows_of_sweep(sweep), file=text)
    lines = text.getvalue().splitlines()
    assert "\x1b" not in text.getvalue()
    assert lines[0].split() == ["job", "what", "differs", "status", "step", "score"]
    assert len([line for line in lines if line.startswith("env-pong+")]) == 6
    assert ["optimizer.lr=0.001", "2", "5.75", "3.889"] in [line.split() for line in lines]
    assert "best: 7.25 over 2 seeds by optimizer.lr=0.002" in lines
    assert "failed: env-pong+optimizer.lr--1+seed-1: it \N{REPLACEMENT CHARACTER}[31mbroke" in lines
    assert lines[-1] == "6 jobs: 1 failed, 4 finished, 1 waiting"


def test_jobs_of_an_earlier_command_are_shown_and_not_counted(sweep: Path) -> None:
    write_plan(sweep, [job("0.001", "1")], ["seed"], at_once=1)
    rows = rows_of_sweep(sweep)
    assert counted(rows) == "1 job: 1 finished; 4 more of earlier commands"
    assert not failed(rows)
    leader = best(rows)
    assert leader is not None
    assert leader.scores == [SCORES["0.001", "1"]]
    table = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert [line["seeds"] for line in table if line["status"] == "finished"] == ["1", *"000"]


def test_the_best_is_the_lowest_where_scores_are_minimized(sweep: Path) -> None:
    plan = [job.overrides for job in read_plan(sweep).jobs]
    write_plan(sweep, plan, ["optimizer.lr", "seed"], at_once=1, minimized=True)
    text = io.StringIO()
    show(rows_of_sweep(sweep), read_plan(sweep).minimized, text)
    assert "best: 5.75 over 2 seeds by optimizer.lr=0.001" in text.getvalue().splitlines()


def test_the_scores_of_several_games_have_no_best(tmp_path: Path) -> None:
    for game, score in (("pong", 21.0), ("breakout", 400.0)):
        saved(begun(tmp_path / f"env-{game}"), 100, score)
    write_plan(tmp_path, [["env=pong"], ["env=breakout"]], ["env"], at_once=1)
    rows = rows_of_sweep(tmp_path)
    assert (counted(rows), best(rows)) == ("2 jobs: 2 finished", None)


def test_a_grid_that_grows_moves_no_job_however_long_its_name(tmp_path: Path) -> None:
    fixed = [f"+env.kwargs.some_long_name_{number}=1" for number in range(9)]
    one = directory_of(tmp_path, [*fixed, "optimizer.lr=0.1", "seed=1"], ["seed"])
    assert one.startswith("seed-1+")
    (tmp_path / one).mkdir()
    again = directory_of(tmp_path, [*fixed, "seed=1", "optimizer.lr=0.1"], ["optimizer.lr", "seed"])
    other = directory_of(tmp_path, [*fixed, "seed=1", "optimizer.lr=0.2"], ["optimizer.lr", "seed"])
    assert again == one
    assert other.startswith("lr-0.2+seed-1+")


def test_a_sweep_of_former_versions_keeps_its_numbers(tmp_path: Path) -> None:
    for number, seed in enumerate((1, 2)):
        kept = begun(tmp_path / str(number)) / ".hydra" / "overrides.yaml"
        kept.parent.mkdir()
        kept.write_text(yaml.safe_dump([f"seed={seed}", "env=pong", "total_steps=100"]))
    (tmp_path / "7").mkdir()
    jobs = [["env=pong", f"seed={seed}", "total_steps=200"] for seed in (3, 2, 1)]
    places = [directory_of(tmp_path, each, ["seed"]) for each in jobs]
    assert places == ["env-pong+seed-3", "1", "0"]
    assert [row.job for row in rows_of_sweep(tmp_path)] == ["0", "1"]


@pytest.mark.parametrize(
    "content",
    ["{", '{"jobs": [{"directory": "../a", "overrides": []}]}', '{"at_once": 0}', "[" * 10_000],
)
def test_a_plan_that_nobody_wrote_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(ConfigError, match=r"sweep\.json: must be the plan of a sweep"):
        read_plan(tmp_path)


def test_what_is_no_sweep_is_told(tmp_path: Path) -> None:
    assert read_plan(tmp_path) == Plan()
    with pytest.raises(ConfigError, match=r"it has no sweep\.json with jobs, and no runs in it"):
        rows_of_sweep(tmp_path)
    with pytest.raises(ConfigError, match="there is none"):
        rows_of_sweep(tmp_path / "nowhere")
