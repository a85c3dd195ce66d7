"""What is said of runs as a whole, and what no single run can spoil for the others."""

from pathlib import Path

import pytest
import yaml

from dqn_experiments.comparison.summary import Plain, Question, compared
from tests.comparison.making import CARTPOLE, evaluated, leave_run


def told(folder: Path) -> Plain:
    return compared(Question([folder], published=[]))


def atari(folder: Path, game: str, lr: float, *, seeds: int, normalized: bool = True) -> None:
    """Runs over seeds, the last of them perhaps without a human-normalized score."""
    for seed in range(1, seeds + 1):
        more = {"human_normalized": 0.5} if normalized or seed < seeds else {}
        name, chosen = folder / f"{game}{lr}{seed}", (f"env={game}", f"optimizer.lr={lr}")
        leave_run(name, *chosen, f"seed={seed}", rows=[evaluated(300, 5.0, **more)])


def test_arguments_of_a_game_make_groups_of_their_own(tmp_path: Path) -> None:
    lake = "env=gymnasium", "env.id=FrozenLake-v1", "network=mlp"
    for slippery in ("true", "false"):
        for seed in (1, 2):
            chosen = (*lake, f"+env.kwargs.is_slippery={slippery}", f"seed={seed}")
            leave_run(tmp_path / f"{slippery}{seed}", *chosen)
    found = told(tmp_path)
    assert [(row["label"], row["runs"]) for row in found["table"]] == [
        ("env.kwargs.is_slippery=false", 2),
        ("env.kwargs.is_slippery=true", 2),
    ]


def test_steps_are_those_behind_the_score(tmp_path: Path) -> None:
    rows = [evaluated(200, 5.0), {"step": 900, "perf/steps_per_second": 10.0}]
    leave_run(tmp_path / "run", *CARTPOLE, rows=rows)
    assert told(tmp_path)["table"][0]["steps"] == [200, 200]


def test_why_figures_over_games_leave_one_out(tmp_path: Path) -> None:
    for lr in (0.1, 0.2):
        for game in ("pong", "boxing", "breakout"):
            if (lr, game) != (0.2, "pong"):
                atari(tmp_path, game, lr, seeds=2, normalized=(lr, game) != (0.1, "boxing"))
    found = told(tmp_path)
    assert found["aggregates"]["games"] == ["breakout"]
    note = next(note for note in found["notes"] if note.startswith("Figures over games"))
    assert note == (
        "Figures over games are of breakout alone: optimizer.lr=0.2 lacks pong; boxing is not "
        "human-normalized in all runs of optimizer.lr=0.1."
    )


def test_figures_that_are_missing_are_explained(tmp_path: Path) -> None:
    atari(tmp_path, "pong", 0.1, seeds=2, normalized=False)
    found = told(tmp_path)
    assert found["aggregates"] is None
    assert "Figures over games are missing: pong is not human-normalized" in " ".join(
        found["notes"]
    )


@pytest.mark.parametrize("runs", [2, 3])
def test_games_that_weigh_more_in_an_iqm_are_told(runs: int, tmp_path: Path) -> None:
    atari(tmp_path, "pong", 0.1, seeds=2)
    atari(tmp_path, "boxing", 0.1, seeds=runs)
    weighed = [note for note in told(tmp_path)["notes"] if "more runs of one game" in note]
    assert bool(weighed) == (runs == 3)


@pytest.mark.parametrize(
    "changed",
    [
        {"protocol": "/etc/passwd"},
        {"protocol": "../../elsewhere"},
        {"evaluation": {"max_frames": [1], "every": 1}},
        {"evaluation": {"max_frames": {"a": 1}, "every": 1}},
        {"env": {"id": "CartPole-v1", "frame_skip": 10**400}},
        {"env": {"id": "CartPole-v1", "frame_skip": -4}},
        {"agent": {"widths": [{1: "a", "b": 2}]}},
    ],
    ids=str,
)
def test_no_value_of_a_config_ends_a_comparison(changed: Plain, tmp_path: Path) -> None:
    leave_run(tmp_path / "fine", *CARTPOLE)
    run = leave_run(tmp_path / "odd", *CARTPOLE, rows=[evaluated(300, 5.0, human_normalized=1.0)])
    file = run / "config.yaml"
    config = yaml.safe_load(file.read_text()) | changed
    file.write_text("version: " + config.pop("version") + "\n" + yaml.safe_dump(config))
    found = told(tmp_path)
    assert len(found["runs"]) + len(found["left_out"]) == 2
    assert all(game["frames_per_step"] >= 1 for game in found["games"])
