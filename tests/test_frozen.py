"""Runs that earlier versions wrote are evaluated, watched and gone on with by this one."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dqn_experiments.commands import evaluate, watch
from dqn_experiments.config.components import build_network
from dqn_experiments.config.compose import composed
from dqn_experiments.experience.spec import NetworkSpec
from dqn_experiments.run import checkpoint
from tests.conftest import ROOT, Told

FROZEN = sorted(path.parent for path in (ROOT / "tests" / "frozen").glob("*/*/config.yaml"))


@pytest.mark.parametrize("frozen", FROZEN, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_run_of_an_earlier_version_is_played_and_gone_on_with(
    frozen: Path, told: Told, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(frozen, run_dir)
    before = list(csv.reader((run_dir / "history.csv").open()))

    code, _, err = told("run=run", "episodes=2", command=evaluate.main)
    assert code == 0, err
    evaluation = json.loads((run_dir / "evaluation.json").read_text())
    assert (evaluation["step"], len(evaluation["returns"])) == (600, 2)
    assert evaluation["max_frames"] == (500 if frozen.name == "cartpole" else 600)

    code, _, err = told("run=run", "epsilon=1.0", command=watch.main)
    assert code == 0, err
    assert (run_dir / "videos" / "step_600_seed_0.mp4").stat().st_size > 1_000

    code, out, err = told("resume=run")
    assert code == 0, err
    assert "going on from" in out
    assert checkpoint.find(run_dir, "latest").step == 900
    after = list(csv.reader((run_dir / "history.csv").open()))
    assert after[: len(before)] == before
    assert int(after[-1][0]) > 600
    if frozen.name == "cartpole":  # with one environment episodes follow one another
        steps, lengths = ([int(float(row[column])) for row in after[1:]] for column in (0, 2))
        assert np.diff([0, *steps]).tolist() == lengths


def test_weights_are_found_under_the_names_they_were_saved_under() -> None:
    torso = [f"torso.layers.{layer}.{kind}" for layer in (0, 2, 4) for kind in ("weight", "bias")]
    head = [f"{layer}.{kind}" for layer in ("layers.0", "layers.2") for kind in ("weight", "bias")]
    streams = [
        f"head.{name}.{layer}"
        for name in ("value", "advantage")
        for layer in ("0.weight", "0.bias", "2.weight", "2.bias")
    ]
    for network, names in (("nature_cnn", [f"head.{name}" for name in head]), ("dueling", streams)):
        built = build_network(composed(f"network={network}"), NetworkSpec((4, 84, 84), 4, 1))
        assert list(built.state_dict()) == torso + names
