"""A new run that starts from the weights of another one, and from no one else's code."""

import os
import pickle
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from dqn_experiments import ConfigError, compose, go_on, train
from dqn_experiments.commands.train import main
from dqn_experiments.config.compose import composed
from dqn_experiments.run import checkpoint
from dqn_experiments.run.initial_weights import read_weights
from dqn_experiments.run.stored import stored_config
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.learner import Learner
from tests.conftest import QUICK_CARTPOLE, TRACE, Payload

SILENT = (*QUICK_CARTPOLE, "tracker.mode=disabled")
CPU = torch.device("cpu")
Weights = dict[str, Any]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with two checkpoints."""
    run = tmp_path_factory.mktemp("source") / "run"
    train(compose(*SILENT, "checkpoint.every=300"), run)
    return run


def saved(run: Path, step: int) -> Weights:
    """The network of a checkpoint, as torch itself reads it."""
    file = checkpoint.folder_of(run, step) / checkpoint.WEIGHTS
    weights: Weights = torch.load(file, weights_only=True)
    return weights


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "target", ["target_mix=1", "random_target=true", "target_mix=0.01"], ids=lambda target: target
)
@pytest.mark.parametrize(
    ("inside", "step"),
    [("", 600), ("checkpoints/0000000300", 300), ("checkpoints/0000000300/network.pt", 300)],
)
def test_both_networks_start_from_the_given_weights(
    inside: str, step: int, target: str, source: Path
) -> None:
    chosen = f"initial_weights={source / inside}", f"agent.{target}"
    learner = assembled(composed(*SILENT, *chosen, "seed=7"), CPU).learner
    for network in (learner.network, learner.target_network):
        assert same(network.state_dict(), saved(source, step))
    assert not any(weight.requires_grad for weight in learner.target_network.parameters())
    learner.network.load_state_dict(saved(source, 900 - step))  # the two share no memory
    assert same(learner.target_network.state_dict(), saved(source, step))


def test_training_goes_on_from_them(source: Path, tmp_path: Path) -> None:
    slow = (*SILENT, "optimizer.lr=1e-9", "total_steps=200", "evaluation.episodes=1")
    train(compose(*slow, f"initial_weights={source}"), tmp_path / "tuned")
    before, after = saved(source, 600), saved(tmp_path / "tuned", 200)
    changed = [float((after[name] - before[name]).abs().max()) for name in before]
    assert 0 < max(changed) < 1e-6


def test_a_run_that_goes_on_needs_its_source_no_more(source: Path, tmp_path: Path) -> None:
    """And takes nothing from it: what was learned since stays."""
    other = shutil.copytree(source, tmp_path / "other")
    config = (*SILENT, f"initial_weights={other}", "checkpoint.every=200")
    train(compose(*config), tmp_path / "whole")
    train(compose(*config, "pause_after=300"), tmp_path / "paused")
    assert stored_config(tmp_path / "paused").initial_weights == str(other)
    shutil.rmtree(other)
    assert train(compose(*config), tmp_path / "paused").step == 600
    assert same(saved(tmp_path / "paused", 600), saved(tmp_path / "whole", 600))
    assert go_on(tmp_path / "paused", "total_steps=700").step == 700


def test_other_weights_make_another_run(source: Path, tmp_path: Path) -> None:
    train(compose(*SILENT, "pause_after=150"), tmp_path)
    with pytest.raises(ConfigError, match=r"initial_weights=.*: .* holds a run with null; must"):
        train(compose(*SILENT, f"initial_weights={source}"), tmp_path)
    with pytest.raises(ConfigError, match=r"initial_weights=.*: would make it another run"):
        go_on(tmp_path, f"initial_weights={source}")


def test_the_path_is_absolute_from_the_start(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    config = compose(*SILENT, "initial_weights=run", "pause_after=150")
    assert config.initial_weights == str(source)
    monkeypatch.chdir(tmp_path)
    train(config, tmp_path / "new")
    stored = yaml.safe_load((tmp_path / "new" / "config.yaml").read_text())
    assert stored["initial_weights"] == str(source)


def test_one_is_relative_to_where_the_command_was_started(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if Hydra changes to the run's directory."""
    monkeypatch.chdir(source.parent)
    here = "initial_weights=run", "hydra.job.chdir=true", f"hydra.run.dir={tmp_path / 'new'}"
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", *SILENT, *here, "pause_after=150"])
    main()
    assert stored_config(tmp_path / "new").initial_weights == str(source)


def refused(run_dir: Path, source: object, *overrides: str) -> str:
    """What is told of a run that cannot start so, which leaves nothing."""
    with pytest.raises(ConfigError) as told:
        train(compose(*SILENT, f"initial_weights={source}", *overrides), run_dir)
    assert str(told.value).startswith(f"initial_weights={source}: ")
    assert "\n" not in str(told.value)
    assert not run_dir.exists() or not list(run_dir.iterdir())
    return str(told.value)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["env=gymnasium", "env.id=Acrobot-v1"], r"has the shape \[\d+, 4\], and .* \[\d+, 6\]"),
        (
            ["env=gymnasium", "env.id=MountainCar-v0"],
            r"has the shape \[\d+, 4\], and .* \[\d+, 2\]",
        ),
        (["network.hidden=[8]"], r"has the shape \[\d+, 4\], and in this network \[8, 4\]"),
        (["network.dueling=true"], "has no head.*, which this network needs"),
        (["network.hidden=[120]"], r"has the shape \[84, 120\], and in this network \[2, 120\]"),
    ],
)
def test_weights_of_another_network_are_refused_before_anything_is_written(
    overrides: list[str], told: str, source: Path, tmp_path: Path
) -> None:
    message = refused(tmp_path, source, *overrides)
    assert re.search(told, message), message


def test_weights_for_another_number_of_actions_are_refused(source: Path) -> None:
    learner = Learner(composed(*SILENT), (1, 4), 3, CPU)
    told = r"head\.layers\.\d\.weight has the shape \[2, 84\], and in this network \[3, 84\]; must"
    with pytest.raises(ConfigError, match=told):
        learner.begin_with(saved(source, 600))


def test_weights_with_too_much_are_refused(source: Path, tmp_path: Path) -> None:
    more = {**saved(source, 600), "torso.extra": torch.zeros(1)}
    torch.save(more, tmp_path / "more.pt")
    message = refused(tmp_path / "run", tmp_path / "more.pt")
    assert "has torso.extra, which this network has not" in message


def test_what_holds_no_weights_is_refused(source: Path, tmp_path: Path) -> None:
    allowed = "must be a run directory, a checkpoint's folder or a network.pt"
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.pt").write_text("no weights")
    torch.save([torch.zeros(1)], tmp_path / "list.pt")
    os.mkfifo(tmp_path / "pipe.pt")
    shutil.copytree(source, tmp_path / "fresh")
    shutil.rmtree(tmp_path / "fresh" / "checkpoints")
    learner = checkpoint.folder_of(source, 600) / "learner.pt"
    cases: dict[object, str] = {
        tmp_path / "nowhere": allowed,
        tmp_path / "empty": allowed,
        tmp_path / "pipe.pt": allowed,
        "/dev/zero": allowed,
        tmp_path / "fresh": "is a run that has no checkpoint",
        tmp_path / "text.pt": "not a readable file of weights",
        tmp_path / "list.pt": "must be the weights of a network",
        learner: "has no ",
    }
    for number, (wrong, told) in enumerate(cases.items()):
        assert told in refused(tmp_path / f"run_{number}", wrong)
    with pytest.raises(ConfigError, match=f"^initial_weights=: {allowed}"):
        compose("initial_weights=")


def test_damaged_weights_are_refused(source: Path, tmp_path: Path) -> None:
    """Where there are checksums; without, the bit lies in a number that nobody knows."""
    run = shutil.copytree(source, tmp_path / "source")
    newest = checkpoint.folder_of(run, 600)
    file = newest / checkpoint.WEIGHTS
    content = bytearray(file.read_bytes())
    content[content.index(saved(run, 600)["head.layers.0.weight"].numpy().tobytes()[:16])] ^= 1
    file.write_bytes(content)
    for place in (run, newest, file):
        assert "damaged: network.pt; must be as" in refused(tmp_path / "new", place)
    (newest / checkpoint.SUMS).unlink()
    assert not same(read_weights(str(file)), saved(source, 600))


@pytest.mark.parametrize("write", [pickle.dump, torch.save])
def test_nothing_is_unpickled(write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "hostile.pt").open("wb") as file:
        write(Payload(), file)
    message = refused(tmp_path / "run", tmp_path / "hostile.pt")
    assert "not a readable file of weights" in message
    assert not TRACE.exists()


def test_a_command_tells_it_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    run = ["initial_weights=gone", "hydra.run.dir=new"]
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", *SILENT, *run])
    with pytest.raises(SystemExit) as stop:
        main()
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "error" in line]
    assert stop.value.code == 2
    assert line.startswith(f"error: initial_weights={tmp_path / 'gone'}: must be a run directory")
    assert not (tmp_path / "new" / "config.yaml").exists()
