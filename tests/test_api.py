"""The Python front door: in scripts, threads, notebooks and other people's Hydra programs."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

import dqn_experiments as dqn
from dqn_experiments.run import checkpoint
from tests.conftest import QUICK_CARTPOLE, metrics, wandb_records

SILENT = (*QUICK_CARTPOLE, "tracker.mode=disabled")


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "of" / "mine"
    outcome = dqn.train(dqn.compose(*SILENT, "checkpoint.every=300"), str(folder))
    assert (outcome.run_dir, outcome.status, outcome.step) == (folder, "finished", 600)
    return folder


def test_a_finished_run_has_the_score_that_it_had(run_dir: Path) -> None:
    score = checkpoint.find(run_dir, "latest").score
    again = dqn.train(dqn.compose(*SILENT, "checkpoint.every=300"), run_dir)
    assert again.score == score
    evaluation = dqn.evaluate(run_dir)
    assert evaluation.score.mean == score == np.mean(evaluation.returns)


@pytest.mark.parametrize("where", [str, Path])
def test_evaluate_takes_what_the_command_takes(where: Any, run_dir: Path) -> None:
    evaluation = dqn.evaluate(where(run_dir), checkpoint=300, episodes=3, epsilon=0.5, seed=7)
    found = evaluation.step, evaluation.episodes, evaluation.epsilon, evaluation.seed
    assert found == (300, 3, 0.5, 7)
    short = dqn.evaluate(where(run_dir), episodes=3, max_frames=5)
    assert (short.lengths, short.score.cut, short.max_frames) == ([5, 5, 5], 3, 5)
    for wrong in (
        {"episodes": 0},
        {"max_frames": 0},
        {"epsilon": 2.0},
        {"checkpoint": "first"},
        {"device": "tpu"},
    ):
        with pytest.raises(dqn.ConfigError, match=f"{next(iter(wrong))}="):
            dqn.evaluate(where(run_dir), **wrong)


def test_history_is_the_file_as_arrays(run_dir: Path) -> None:
    history = dqn.history(run_dir)
    lines = (run_dir / "history.csv").read_text().splitlines()
    assert list(history) == lines[0].split(",")
    assert all(len(column) == len(lines) - 1 for column in history.values())
    assert history["episode_return"].tolist() == [float(line.split(",")[1]) for line in lines[1:]]
    assert (history["episode_length"] == np.diff(history["step"], prepend=0)).all()
    with pytest.raises(dqn.ConfigError, match=r"history\.csv: must be the history of a run"):
        dqn.history(run_dir / "nowhere")


def test_a_loaded_agent_acts(run_dir: Path) -> None:
    agent = dqn.load(str(run_dir), checkpoint="best")
    env = gymnasium.make("CartPole-v1")
    observation, _ = env.reset(seed=0)
    for _ in range(5):
        (action,) = agent.act(observation[None, None])
        observation, *_ = env.step(int(action))
    assert set(agent.act(np.zeros((200, 1, 4), np.float32), epsilon=1.0)) == {0, 1}
    own = agent.env(num_envs=2)
    assert own.reset(0).shape == (2, 4)
    own.close()


def test_a_run_goes_on_without_knowing_how_it_began(tmp_path: Path) -> None:
    dqn.train(dqn.compose(*SILENT, "pause_after=200"), tmp_path)
    outcome = dqn.go_on(tmp_path, "total_steps=500", "evaluation.episodes=2")
    assert (outcome.status, outcome.step) == ("finished", 500)
    with pytest.raises(dqn.ConfigError, match=r"optimizer\.lr=1: would make it another run"):
        dqn.go_on(tmp_path, "optimizer.lr=1")
    with pytest.raises(dqn.ConfigError, match="must be a string"):
        dqn.go_on(tmp_path, ["total_steps=900"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["agent=dqm"], "did you mean dqn?"),
        (["optimizer.lr=-1"], "optimizer.lr=-1: must be greater than 0"),
        (["just a word"], "just a word"),
        ([["agent=dqn"]], "['agent=dqn']: must be a string"),
        ([None], "None: must be a string"),
        (["resume=there"], "resume=there: is of the command line"),
        (["tracker=null"], "tracker=null: must be one of wandb; tracker.mode=disabled"),
        (["hydra.run.dir=there"], "hydra.run.dir=there: is of the command line"),
    ],
)
def test_what_cannot_work_is_one_line(overrides: list[Any], message: str) -> None:
    with pytest.raises(dqn.ConfigError) as told:
        dqn.compose(*overrides)
    assert message in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["o'brien", "a ${b} #c", "back\\slash", "é"])
def test_a_folder_of_ones_own_may_have_any_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name / "experiment").mkdir(parents=True)
    mine = tmp_path / name / "experiment" / "mine.yaml"
    mine.write_text("# @package _global_\nseed: 7\n")
    assert dqn.compose("experiment=mine", config_dir=tmp_path / name).seed == 7


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(dqn.ConfigError, match=r"run_dir=.*file/run: cannot be written"):
        dqn.train(dqn.compose(*SILENT), tmp_path / "file" / "run")
    with pytest.raises(dqn.ConfigError, match="config_dir=nowhere: must be a folder"):
        dqn.compose(config_dir="nowhere")


def test_only_a_folder_of_configs_is_one(run_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(dqn.ConfigError, match=r"config_dir=.*, and holds a run"):
        dqn.compose(config_dir=run_dir)
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "broken.yaml").write_text("a: [1")
    with pytest.raises(dqn.ConfigError, match=r"broken\.yaml: cannot be read as yaml") as told:
        dqn.compose("optimizer=broken", config_dir=tmp_path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("package", [3, None, ["my_package"], "my-package"])
def test_only_names_of_packages_can_be_trusted(package: Any) -> None:
    with pytest.raises(dqn.ConfigError, match=r"trust=.*: must be names of packages"):
        dqn.trust(package)


def test_another_run_in_the_same_folder_is_told_without_the_command_line(run_dir: Path) -> None:
    with pytest.raises(dqn.ConfigError, match=r"optimizer\.lr=0\.5: .* holds a run with") as told:
        dqn.train(dqn.compose(*SILENT, "optimizer.lr=0.5"), run_dir)
    assert "in Python go_on" in str(told.value)
    assert "hydra." not in str(told.value)


def in_threads(*runs: Any) -> None:
    threads = [threading.Thread(target=run) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_runs_in_threads_are_as_two_runs_alone(run_dir: Path, tmp_path: Path) -> None:
    outcomes: dict[str, Any] = {}

    def run(name: str) -> None:
        outcomes[name] = dqn.train(dqn.compose(*SILENT, "checkpoint.every=300"), tmp_path / name)

    in_threads(lambda: run("a"), lambda: run("b"))
    expected = (run_dir / "history.csv").read_text()
    for name in ("a", "b"):
        assert outcomes[name].status == "finished"
        assert (tmp_path / name / "history.csv").read_text() == expected


@pytest.fixture
def callers_hydra(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "mine.yaml").write_text("a: 1\n")
    with initialize_config_dir(str(tmp_path / "conf")):
        yield tmp_path


def test_it_works_inside_a_callers_own_hydra_program(callers_hydra: Path) -> None:
    dqn.train(dqn.compose(*SILENT), callers_hydra / "run")
    assert GlobalHydra.instance().is_initialized()
    assert hydra_compose("mine") == {"a": 1}


def test_a_stop_button_leaves_the_process_and_its_settings_alone(tmp_path: Path) -> None:
    """Twice: the second signal, that soon after the first, is not another one."""
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    config = dqn.compose(*SILENT, "total_steps=30000")

    def press() -> None:
        file = tmp_path / "history.csv"
        while not (file.exists() and file.read_text().count("\n") > 3):
            time.sleep(0.01)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt, match="SIGINT: stopped with a checkpoint"):
        dqn.train(config, tmp_path)
    thread.join()
    assert checkpoint.newest_intact(tmp_path)
    assert (torch.get_num_threads(), signal.getsignal(signal.SIGINT)) == (threads, handler)
    outcome = dqn.go_on(tmp_path, "total_steps=1500", "evaluation.episodes=2")
    assert outcome.step >= 1500


def test_two_tracked_runs_side_by_side_are_two(tmp_path: Path) -> None:
    tracked = (*QUICK_CARTPOLE, "tracker.mode=offline")
    runs = [tmp_path / name for name in "ab"]
    in_threads(*(partial(dqn.train, dqn.compose(*tracked), run) for run in runs))
    ids = [{record["run_id"] for record in wandb_records(run, "run")} for run in runs]
    assert len(ids[0]) == len(ids[1]) == 1
    assert ids[0] != ids[1]
    for run in runs:
        assert len(wandb_records(run, "history")) == len(metrics(run))
    assert "WANDB_DATA_DIR" not in os.environ


def test_what_a_caller_hands_over_is_checked(run_dir: Path, tmp_path: Path) -> None:
    config = dqn.compose(*SILENT)
    config.optimizer.lr = "fast"
    with pytest.raises(dqn.ConfigError, match=r"optimizer\.lr=fast: must be a valid number"):
        dqn.train(config, tmp_path)
    for wrong in ({"device": "tpu"}, {"seed": -1}, {"checkpoint": "first"}):
        with pytest.raises(dqn.ConfigError, match=next(iter(wrong))):
            dqn.load(run_dir, **wrong)
