"""The command that compares: what it leaves and prints, and what it says of bad input."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dqn_experiments.commands.compare import compare, main
from dqn_experiments.comparison.page import page
from tests.comparison.making import CARTPOLE, evaluated, leave_run, timed
from tests.conftest import Command

FILES = {"comparison.html", "comparison.json", "table.csv", "runs.csv", "curves.png"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seeds of two learning rates."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in (1, 2, 3):
        for rate, better in (("1e-3", 10), ("1e-4", 0)):
            leave_run(
                folder / f"{rate}_{seed}",
                *CARTPOLE,
                f"seed={seed}",
                f"optimizer.lr={rate}",
                "total_steps=2000",
                returns=[better + seed + at for at in range(20)],
                rows=[timed(1000, 50), evaluated(2000, 20 + better + seed)],
            )
    return folder


def test_the_same_runs_leave_the_same_bytes_however_they_are_named(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compare([str(runs), "--output", str(tmp_path / "a"), "--baseline", "lr=0.0001"])
    told = capsys.readouterr().out
    monkeypatch.chdir(runs)
    each = [path.name for path in sorted(runs.iterdir(), reverse=True)]
    compare([*each, ".", "--output", str(tmp_path / "b"), "--baseline", "optimizer.lr=1e-4"])
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert set(files) == FILES
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert all(str(runs).encode() not in content for content in files.values())
    assert "optimizer.lr=0.001" in told
    assert re.search(r" B +3 +2k +32 \(31 to 33\) +32 +- +0.0111 +50", told)
    assert re.search(r"B +CartPole-v1 +10 \(8.67 to 11.3\) +1 \(1 to 1\)", told)
    assert "their IQM is their mean" in re.sub(r"\s+", " ", told)


def test_all_figures_are_there_as_json_and_csv(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare([str(runs), "--output", str(tmp_path), "--json"])
    figures = json.loads(capsys.readouterr().out)
    assert figures == json.loads((tmp_path / "comparison.json").read_text())
    table = list(csv.DictReader((tmp_path / "table.csv").read_text().splitlines()))
    assert [float(row["final.value"]) for row in table] == [22, 32]
    assert [row["label"] for row in table] == ["optimizer.lr=0.0001", "optimizer.lr=0.001"]
    rows = list(csv.DictReader((tmp_path / "runs.csv").read_text().splitlines()))
    assert [(row["run"], float(row["final"])) for row in rows] == [
        (f"{rate}_{seed}", 20 + better + seed)
        for rate, better in (("1e-4", 0), ("1e-3", 10))
        for seed in (1, 2, 3)
    ]
    text = page(figures)
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    assert json.loads(block) == figures
    assert not set("<>&") & set(block)
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=", text[: text.index("<main>")])


def refused(capsys: pytest.CaptureFixture[str], monkeypatch: Any, *arguments: str) -> str:
    """The one line of a command that ends with exit code 2."""
    monkeypatch.setattr("sys.argv", ["compare", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    *rest, last = capsys.readouterr().err.splitlines()
    assert all(line.startswith("left out: ") for line in rest)
    assert last.startswith("error: ")
    return last


def test_bad_input_is_told_in_a_line(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    newer = leave_run(tmp_path / "newer" / "run", *CARTPOLE)
    config = (newer / "config.yaml").read_text()
    (newer / "config.yaml").write_text(re.sub("version: .*", "version: 9.9.9", config))
    for arguments, told in (
        (("nowhere",), "nowhere: must be a run directory or a folder with some in it"),
        (("file",), "file: must be a run directory or a folder with some in it"),
        (("empty",), "empty: must have runs to compare, and has none"),
        (("newer",), "was written by version 9.9.9"),
        ((str(runs), "--baseline", "x"), "--baseline x: must be parts of one of optimizer.lr"),
        ((str(runs), "--baseline", "lr"), "--baseline lr: must name one of optimizer.lr=0.0001; "),
        ((str(runs), "--published", "A3C"), "--published A3C: must be none, or of C51, DQN, "),
        ((str(runs), "--output", "file"), "--output file: must be a folder that can be written"),
    ):
        assert told in refused(capsys, monkeypatch, *arguments)


def test_what_cannot_be_read_or_has_no_score_is_told_beside_the_rest(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = (*CARTPOLE, "optimizer.lr=1e-2", "total_steps=2000")
    leave_run(tmp_path / "silent", *silent, returns=())
    leave_run(tmp_path / "no_config", *CARTPOLE)
    (tmp_path / "no_config" / "config.yaml").unlink()
    compare([str(runs), str(tmp_path), "--output", str(tmp_path / "out")])
    told = capsys.readouterr()
    assert (
        told.err
        == f"left out: {tmp_path.name}/no_config: must be a run directory; it has no config.yaml\n"
    )
    assert re.search(r"C +0 +no score", told.out)
    figures = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [row["gap"] for row in figures["table"] if not row["runs"]] == [
        "no episode has ended yet"
    ]
    assert figures["games"][0]["without"] == ["optimizer.lr=0.01"]


def test_games_and_protocols_are_never_mixed_silently(tmp_path: Path) -> None:
    for game in ("pong", "breakout"):
        for protocol in ("dopamine", "nature"):
            rows = [evaluated(1_000_000, 3.0, training_return=2.0)]
            leave_run(tmp_path / game / protocol, f"env={game}", f"protocol={protocol}", rows=rows)
    compare([str(tmp_path), "--output", str(tmp_path / "out")])
    figures = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert [game["game"] for game in figures["games"]] == ["breakout", "pong"]
    own = {group["label"] for group in figures["groups"] if not group["published"]}
    for game in figures["games"]:  # a panel for each, and in it a curve for each group
        assert own <= {curve["label"] for curve in game["frames"]}
    legends = [group["legend"].partition(" [")[2] for group in figures["groups"]]
    assert legends == ["dopamine]", "nature]", "dopamine]"]
    assert "Scores by 2 protocols are compared" in figures["notes"][0]


@pytest.mark.parametrize("steps", [300, 900])
def test_scores_of_different_steps_are_not_compared_silently(steps: int, tmp_path: Path) -> None:
    for rate, ended in (("1e-4", 900), ("1e-3", steps)):
        returns = [1.0] * (ended // 100)
        leave_run(tmp_path / rate, *CARTPOLE, f"optimizer.lr={rate}", returns=returns)
    compare([str(tmp_path), "--output", str(tmp_path / "out")])
    notes = json.loads((tmp_path / "out" / "comparison.json").read_text())["notes"]
    told = "Scores after different numbers of steps are compared on CartPole-v1 (300 to 900)."
    assert (told in notes) == (steps == 300)


def test_a_name_cannot_steer_the_terminal_nor_end_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, value in enumerate(
        ('"\\e]0;owned\\a"', '"[bold]x"', f'"{"x" * 300}"', "[1]", "{a: 1}")
    ):
        for key in ("agent:\n  _option_", "protocol", "env:\n  _option_", "total_steps"):
            run_dir = leave_run(tmp_path / f"{key[:3]}{number}\udcff", *CARTPOLE)
            config = (run_dir / "config.yaml").read_text()
            changed = re.sub(f"(?m)^{key}: .*", lambda found: f"{key}: {value}", config)  # noqa: B023
            assert changed != config
            (run_dir / "config.yaml").write_text(changed)
    (tmp_path / "x\x1b" / "history.csv").mkdir(parents=True)
    leave_run(tmp_path / "x\x1b" / "run", *CARTPOLE)
    (tmp_path / "x\x1b" / "run" / "config.yaml").unlink()
    compare([str(tmp_path), "--output", str(tmp_path / "out")])
    told = capsys.readouterr()
    assert "left out: x\N{REPLACEMENT CHARACTER}/run: must be a run directory" in told.err
    assert "[bold]x" in told.out
    assert not {"\x1b", "\a"} & set(told.out + told.err)


@pytest.mark.slow
def test_a_million_rows_are_compared(command: Command, tmp_path: Path) -> None:
    leave_run(tmp_path / "run", *CARTPOLE, returns=range(1_000_000), every=7)
    done = command("run", module="dqn_experiments.compare")
    assert done.returncode == 0, done.stderr
    assert "7M" in done.stdout


def test_a_missing_directory_ends_the_command_with_a_line(command: Command) -> None:
    done = command("nowhere", module="dqn_experiments.compare")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: nowhere: must be a run directory")
    assert done.stderr.count("\n") == 1
