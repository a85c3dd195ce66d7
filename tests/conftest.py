"""What the tests share: running commands as a user does, and reading what they left."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig

from dqn_experiments.commands.train import main

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: tests run side by side
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as on a terminal, also under nohup

ROOT = Path(__file__).parent.parent

QUICK_CARTPOLE = (
    "experiment=cartpole",
    "total_steps=600",
    "learning_starts=100",
    "buffer.batch_size=16",
    "evaluation.every=0",
    "evaluation.episodes=4",
    "evaluation.num_envs=2",
)

TRACE = Path("executed")


@pytest.fixture(autouse=True)
def hydra_leaves_nothing() -> Iterator[None]:
    """A command that is called in this process sets its logging and its config for all of it."""
    root, raising = logging.getLogger(), logging.raiseExceptions
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.raiseExceptions = raising
    HydraConfig.instance().cfg = None


class Payload:
    """Leaves a trace when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.write_text, (TRACE, "")


Command = Callable[..., subprocess.CompletedProcess[str]]
Told = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_inherited_tracker() -> Iterator[None]:
    """Commands of a test start W&B's process themselves, not share one of an earlier test."""
    yield
    os.environ.pop("WANDB_SERVICE", None)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run `python -m <module> <arguments>` in an empty folder, not logged in to W&B.

    Further keywords become environment variables.
    """

    def run(*arguments: str, module: str = "dqn_experiments", **variables: str) -> Any:
        environment = {**os.environ, "HOME": str(tmp_path)}
        environment.pop("WANDB_API_KEY", None)
        environment.update(variables)
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Told:
    """Run a command in this process, where `command` would; its exit code, stdout and stderr.

    It takes a fraction of the time. What a process does at its start and end is not tested by it.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("WANDB_API_KEY", "HYDRA_FULL_ERROR"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: str, command: Callable[[], object] = main) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dqn_experiments", *arguments])
        code = 0
        try:
            command()
        except SystemExit as end:
            code = int(end.code or 0)
        output = capfd.readouterr()
        return code, output.out, output.err.removesuffix("\n")

    return run


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that has this package from the wheel alone.

    Dependencies come from the environment that the tests run in.
    """
    environment = tmp_path_factory.mktemp("installed")
    venv.create(environment, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    install = [*pip, "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site,) = environment.glob("lib/python3*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(here))
    return environment / "bin"


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A run of its own process, in that folder."""
    return subprocess.Popen(
        [sys.executable, "-m", "dqn_experiments", *arguments],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def job_dir(sweep_dir: Path, ends: str) -> Path:
    """The directory of the job whose name ends like this; one that is not there has none in it."""
    return next(sweep_dir.glob(f"*{ends}"), sweep_dir / "not there")


def newest_step(run_dir: Path) -> int:
    """Of the checkpoints; 0 if there is none."""
    steps = [int(path.name) for path in (run_dir / "checkpoints").glob("*[0-9]")]
    return max(steps, default=0)


def wait_for_a_checkpoint(process: subprocess.Popen[str], run_dir: Path) -> None:
    """Until the run has one that is newer than what there was."""
    before, deadline = newest_step(run_dir), time.monotonic() + 120
    while newest_step(run_dir) == before:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wandb_records(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    """The records of one kind in a run's offline W&B files, as W&B's own reader prints them."""
    records = []
    for file in sorted(run_dir.glob("wandb/offline-run-*/*.wandb")):
        written = file.stat()
        records += _records_in(file, written.st_mtime_ns, written.st_size)
    return [record[kind] for record in records if record["type"] == kind]


@cache
def _records_in(file: Path, changed: int, size: int) -> list[dict[str, Any]]:
    """All records of a file that was last changed then; its reader takes a while to start."""
    reader = [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(file)]
    lines = subprocess.run(reader, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in lines.splitlines() if line]


def metrics(run_dir: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics.jsonl."""
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
