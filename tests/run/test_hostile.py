"""Run directories of strangers: nothing of them is executed, and one line says what is wrong.

Every attack comes with checksums that fit it.
"""

import hashlib
import json
import os
import pickle
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
import torch
import yaml

from dqn_experiments import state
from dqn_experiments.commands.train import main
from dqn_experiments.config.compose import composed
from dqn_experiments.run import checkpoint, parts
from dqn_experiments.run.tensors import load_tensors
from dqn_experiments.train.start import train
from tests.conftest import QUICK_CARTPOLE, TRACE, Payload

Attack = Callable[[Path], object]


def pickled(name: str) -> Attack:
    return lambda folder: (folder / name).write_bytes(pickle.dumps(Payload()))


def pickled_by_torch(name: str) -> Attack:
    return lambda folder: torch.save({"agent": Payload()}, folder / name)


def member(name: str, write: Callable[[IO[bytes]], object]) -> Attack:
    """A state with one array, written as an attacker likes."""

    def attack(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(state.REST, "{}")
            with archive.open("a.npy", "w") as file:
                write(file)

    return attack


def pickled_by_numpy(name: str) -> Attack:
    def write(file: IO[bytes]) -> None:
        np.lib.format.write_array(file, np.array([Payload()], object), version=(1, 0))

    return member(name, write)


def deflated(name: str) -> Attack:
    def attack(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.npy", bytes(10**7))

    return attack


def giant(name: str) -> Attack:
    """A header that speaks of 8 petabytes before the data of one number."""

    def write(file: IO[bytes]) -> None:
        shape = {"descr": "<f8", "fortran_order": False, "shape": (10**15,)}
        np.lib.format.write_array_header_1_0(file, shape)
        file.write(bytes(8))

    return member(name, write)


def changed(name: str, change: Callable[[Any], object]) -> Attack:
    """A state that is well-formed and wrong."""

    def attack(folder: Path) -> None:
        saved = state.load(folder / name)
        change(saved)
        state.save(folder / name, saved)

    return attack


def learner(change: Callable[[Any], object]) -> Attack:
    def attack(folder: Path) -> None:
        saved = load_tensors(folder / LEARNER)
        change(saved)
        torch.save(saved, folder / LEARNER)

    return attack


def moment(change: Callable[[torch.Tensor], torch.Tensor]) -> Attack:
    def attack(saved: Any) -> None:
        moments = saved["optimizer"]["state"]
        moments[0]["exp_avg"] = change(moments[0]["exp_avg"])

    return learner(attack)


def endless(name: str) -> Attack:
    def attack(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")

    return attack


def pipe(folder: Path) -> None:
    (folder / REPLAY).unlink()
    os.mkfifo(folder / REPLAY)


def described(**fields: Any) -> Attack:
    def attack(folder: Path) -> None:
        meta = json.loads((folder / checkpoint.META).read_text())
        (folder / checkpoint.META).write_text(json.dumps({**meta, **fields}))

    return attack


def metrics(line: bytes) -> Attack:
    """A line as long as the first one, so that the file is as long as it was."""

    def attack(folder: Path) -> None:
        file = folder.parent.parent / "metrics.jsonl"
        file.write_bytes((line + b"\n" + file.read_bytes())[: file.stat().st_size])

    return attack


def configured(group: str, target: str) -> Attack:
    def attack(folder: Path) -> None:
        file = folder.parent.parent / "config.yaml"
        config = yaml.safe_load(file.read_text())
        config[group]["_target_"] = target
        file.write_text(yaml.safe_dump(config))

    return attack


def versioned(version: str) -> Attack:
    def attack(folder: Path) -> None:
        file = folder.parent.parent / "config.yaml"
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"version": version}))

    return attack


DAMAGED, REFUSED = "not a readable file of weights", "damaged, must be as it was written"
OTHER_AGENT = "not of this run's agent"
NO_CHECKPOINT = "must hold a checkpoint that is not damaged"
PARTS = ("network", "learner", "loop", "replay", "player", "record")
ALL = [parts.file_of(name) for name in PARTS]
WEIGHTS, LEARNER, LOOP, REPLAY, RUN, RECORD = ALL
ATTACKS: dict[str, tuple[Attack, str]] = {
    **{f"pickle {name}": (pickled(name), DAMAGED) for name in (WEIGHTS, LEARNER)},
    **{f"pickle {name}": (pickled(name), REFUSED) for name in (RUN, REPLAY)},
    **{f"torch {name}": (pickled_by_torch(name), DAMAGED) for name in (WEIGHTS, LEARNER)},
    **{f"numpy {name}": (pickled_by_numpy(name), REFUSED) for name in (RUN, REPLAY)},
    **{f"bomb {name}": (deflated(name), "is compressed") for name in (WEIGHTS, RUN, REPLAY)},
    **{f"giant {name}": (giant(name), REFUSED) for name in (RUN, REPLAY)},
    "array for a generator": (
        changed(RUN, lambda saved: saved["policy"]["rng"].update(state=np.zeros(3))),
        "rng: must be the state of a generator",
    ),
    "giant moment": (moment(lambda _: torch.zeros(1).expand(10**12)), OTHER_AGENT),
    "small moment": (moment(lambda _: torch.zeros(1)), OTHER_AGENT),
    "empty moment": (moment(lambda own: torch.zeros(1).expand(own.shape)), OTHER_AGENT),
    "wide moment": (moment(lambda own: own.double()), OTHER_AGENT),
    "no moment": (
        learner(lambda saved: saved["optimizer"]["state"][0].pop("exp_avg")),
        OTHER_AGENT,
    ),
    "no moments": (learner(lambda saved: saved.pop("optimizer")), OTHER_AGENT),
    "giant rate": (
        learner(lambda saved: saved["optimizer"]["param_groups"][0].update(lr=torch.zeros(9))),
        OTHER_AGENT,
    ),
    "other weights": (
        learner(lambda saved: saved["optimizer"]["param_groups"][0].update(params=[0])),
        OTHER_AGENT,
    ),
    "short stream": (
        learner(lambda saved: saved["randomness"].update(cpu=torch.zeros(3, dtype=torch.uint8))),
        OTHER_AGENT,
    ),
    "short noise": (
        changed(RUN, lambda saved: saved["policy"]["network"].update(cpu=np.zeros(3, np.uint8))),
        "network: must be random streams",
    ),
    "step of another": (changed(LOOP, lambda saved: saved.update(step=1)), "must be of step 1"),
    "giant count": (
        changed(REPLAY, lambda saved: saved["rings"]["frames"]["count"].fill(10**15)),
        "episodes of environment 0 are mixed up",
    ),
    "giant record": (changed(RECORD, lambda saved: saved.update(history=10**15)), "history"),
    "traversal": (described(files=[*ALL, "../../config.yaml"]), NO_CHECKPOINT),
    "absolute": (described(files=[*ALL, "/etc/passwd"]), NO_CHECKPOINT),
    **{f"endless {name}": (endless(name), NO_CHECKPOINT) for name in (REPLAY, checkpoint.META)},
    "pipe": (pipe, NO_CHECKPOINT),
    "deep metrics": (metrics(b"[" * 10**5), "metrics.jsonl"),
    "other step": (described(step=10**9), NO_CHECKPOINT),
    "long version": (versioned("9" * 5000), "was written by an unreleased version"),
    "a base": (
        configured("agent", "dqn_experiments.agent.rule.Rule"),
        "agent._target_=dqn_experiments.agent.rule.Rule: must be",
    ),
    "a part": (
        configured("network", "dqn_experiments.network.head.Head"),
        "network._target_=dqn_experiments.network.head.Head: must be",
    ),
    "os.system": (configured("network", "os.system"), "network._target_=os.system: must be"),
    "eval": (configured("env", "builtins.eval"), "env._target_=builtins.eval: must be"),
    "a function": (
        configured("tracker", "dqn_experiments.tracker.wandb._start"),
        "tracker._target_=dqn_experiments.tracker.wandb._start: must be",
    ),
}


def write_fitting_sums(folder: Path) -> None:
    meta = folder / checkpoint.META
    listed = json.loads(meta.read_text())["files"] if meta.is_file() else ALL
    lines = [
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in sorted([*listed, checkpoint.META])
        if (folder / name).is_file()
    ]
    (folder / checkpoint.SUMS).write_text("".join(lines))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train(composed(*QUICK_CARTPOLE, "tracker.mode=disabled"), folder)
    return folder


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_run_directory_is_refused_in_one_line(
    name: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    attack, message = ATTACKS[name]
    shutil.copytree(run, tmp_path / "run")
    (folder,) = (tmp_path / "run" / "checkpoints").iterdir()
    attack(folder)
    write_fitting_sums(folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", "resume=run", "total_steps=700"])
    with pytest.raises(SystemExit) as stop:
        main()
    told = capfd.readouterr()
    errors = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert stop.value.code == 2, told.err
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in told.err
    assert not TRACE.exists()
