"""A directory belongs to one process, which leaves nothing in it if it is refused."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dqn_experiments import api
from dqn_experiments.config.compose import composed
from dqn_experiments.errors import ConfigError
from dqn_experiments.run import ownership
from dqn_experiments.run.failure import FAILURE
from dqn_experiments.run.ownership import LOCK, InUseError, NotOursError, owned
from tests.conftest import QUICK_CARTPOLE, Command, Told, job_dir

RUN = (*QUICK_CARTPOLE, "tracker.mode=disabled")


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, and what is in them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_commands_of_the_same_second_have_a_directory_each(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dqn_experiments", *RUN]
    environment = {**os.environ, "HOME": str(tmp_path)}
    runs = [
        subprocess.Popen([*command, f"seed={seed}"], cwd=tmp_path, env=environment)
        for seed in (1, 2, 3)
    ]
    assert [run.wait(timeout=120) for run in runs] == [0, 0, 0]
    found = list((tmp_path / "outputs" / "cartpole" / "double_dqn").iterdir())
    assert len(found) == 3
    for run_dir in found:
        seed = yaml.safe_load((run_dir / "config.yaml").read_text())["seed"]
        assert f"seed={seed}" in yaml.safe_load((run_dir / ".hydra/overrides.yaml").read_text())
        assert (run_dir / "train.log").read_text().count("training on") == 1
    assert len({(run_dir / "history.csv").read_bytes() for run_dir in found}) == 3


@pytest.mark.parametrize(
    "mistake",
    [
        "agent=dqm",
        "optimizer.lr=-1 hydra.run.dir=mine/own",
        "resume=nowhere",
        "env=gymnasium env.id=FrozenLake-v1 +env.kwargs.nope=1",  # met when it is built
        "tracker.mode=online",  # met when all the rest is built
        "tracker.mode=online hydra.run.dir=mine",
    ],
)
def test_a_refused_command_leaves_nothing(mistake: str, told: Told, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()  # by its owner, who may want it
    before = sorted(tmp_path.iterdir())
    code, out, _ = told(*QUICK_CARTPOLE, *mistake.split())
    assert code == 2, out
    assert sorted(tmp_path.iterdir()) == before
    assert not list((tmp_path / "mine").iterdir())


def test_a_refused_job_leaves_no_more_than_why(command: Command, tmp_path: Path) -> None:
    done = command("-m", *RUN, "optimizer.lr=-1,1e-3", "hydra.sweep.dir=sweep")
    assert done.returncode == 2
    assert [path.name for path in job_dir(tmp_path / "sweep", "lr--1").iterdir()] == [FAILURE]
    assert (job_dir(tmp_path / "sweep", "lr-0.001") / "checkpoints").is_dir()


@pytest.mark.parametrize("again", [(*RUN, "seed=7", "hydra.run.dir=run"), ("resume=run",)])
def test_who_is_refused_changes_nothing_of_what_another_owns(
    again: tuple[str, ...], told: Told, tmp_path: Path
) -> None:
    api.train(composed(*RUN), tmp_path / "run")
    with owned(tmp_path / "run", "run_dir"):
        before = everything(tmp_path / "run")
        code, _, err = told(*again)
        assert code == 2
        assert f"in use by process {os.getpid()} on " in err
        assert everything(tmp_path / "run") == before


def test_a_directory_that_cannot_be_written_is_told_by_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, text: str) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(ownership, "replace_text", refused)
    told = rf"^resume={tmp_path}: lock.owner cannot be written \(Read-only file system\)$"
    with pytest.raises(NotOursError, match=told), owned(tmp_path, "resume"):
        pass


def test_a_new_directory_can_be_owned_once(tmp_path: Path) -> None:
    with owned(tmp_path, "resume"):
        assert LOCK in everything(tmp_path)
        with pytest.raises(InUseError, match=rf"^resume={tmp_path}: in use by"):  # noqa: SIM117
            with owned(tmp_path, "resume"):
                pass
    assert everything(tmp_path) == {}


def test_python_runs_have_a_directory_each_and_are_refused_without_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (api.train(composed(*RUN)).run_dir for _ in range(2))
    assert first != second
    config = composed(*QUICK_CARTPOLE, "tracker.mode=online")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ConfigError, match=r"tracker\.mode=online"):
        api.train(config, "outputs/new/one")
    assert not (tmp_path / "outputs" / "new").exists()
    with pytest.raises(ConfigError, match=rf"seed=4: {first} holds a run with 42"):
        api.train(composed(*RUN, "seed=4"), first)


@pytest.mark.slow
def test_paths_are_those_of_where_the_command_was_started(command: Command, tmp_path: Path) -> None:
    chdir = "hydra.job.chdir=true"
    assert command(*RUN, "hydra.run.dir=some/run", chdir).returncode == 0
    done = command("resume=some/run", "total_steps=700", chdir)
    assert done.returncode == 0, done.stderr
    done = command("run=some/run", chdir, module="dqn_experiments.evaluate")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "some/run/evaluation.json").read_text())["step"] == 700
    done = command("-m", *RUN, "seed=1,2", "hydra.sweep.dir=some/sweep", chdir)
    assert done.returncode == 0, done.stderr
    assert (job_dir(tmp_path / "some/sweep", "seed-2") / "evaluation.json").exists()
    assert {path.name for path in tmp_path.iterdir()} <= {"some", ".cache", ".config"}


def test_a_run_is_run_again_by_what_it_kept_of_its_command(told: Told, tmp_path: Path) -> None:
    for command in (
        (*RUN, "seed=5", "hydra.run.dir=run"),
        ("--experimental-rerun", "run", "hydra.run.dir=again"),
    ):
        code, _, err = told(*command)
        assert code == 0, err
    first, again = everything(tmp_path / "run"), everything(tmp_path / "again")
    assert first.keys() == again.keys()
    for name in ("history.csv", "config.yaml", "evaluation.json"):
        assert first[name] == again[name]
    assert first["checkpoints/0000000600/network.pt"] == again["checkpoints/0000000600/network.pt"]


def test_who_is_refused_leaves_no_lock_among_what_is_no_run(told: Told, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("a: 1\n")
    before = everything(tmp_path)
    code, _, err = told(*QUICK_CARTPOLE, "hydra.run.dir=conf")
    assert code == 2, err
    assert everything(tmp_path) == before
