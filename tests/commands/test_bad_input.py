"""Every mistake gets one line that names key, value and what is allowed, before anything starts."""

import errno
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from dqn_experiments.commands import evaluate, watch
from dqn_experiments.commands.train import main
from dqn_experiments.config.compose import composed
from dqn_experiments.run.stored import store_config
from tests.commands.mistakes import MISTAKES


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("an environment was started")

    monkeypatch.setattr("ale_py.vector_env.AtariVectorEnv.__init__", started)
    monkeypatch.setattr("gymnasium.make_vec", started)
    monkeypatch.setattr("gymnasium.make", started)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The config.yaml of a run."""
    folder = tmp_path_factory.mktemp("stored")
    store_config(folder, composed())
    return (folder / "config.yaml").read_text()


def told(capfd: pytest.CaptureFixture[str], stop: pytest.ExceptionInfo[SystemExit]) -> str:
    """The one line on stderr of a command that ended with exit code 2."""
    output = capfd.readouterr()
    assert stop.value.code == 2
    lines = output.err.strip().splitlines()
    assert len(lines) == 1, output.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in output.err + output.out
    return lines[0]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_training(
    mistake: str, stored: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made("run/.hydra/hydra.yaml")
    made("run/config.yaml", stored)
    made("mine/main.yaml", "seed: 3\n")
    made("mine/optimizer/broken.yaml", "a: [1")
    made("mine/optimizer/dangling.yaml", "defaults:\n  - gone\n")
    made("mine/optimizer/empty.yaml")
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", *split(mistake)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert MISTAKES[mistake] in told(capfd, stop)


def split(line: str) -> list[str]:
    """The arguments of a command line; braces and brackets with blanks in them are one."""
    return shlex.split(line) if ": " not in line else [line]


def made(name: str, content: str = "") -> Path:
    """A file in the current folder."""
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


@pytest.mark.parametrize("command", [evaluate.main, watch.main])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "run: no value given; set it with run=<value>"),
        ("run=nowhere", "run=nowhere: "),
        ("run=empty", "run=empty: must be a run directory; it has no config.yaml"),
        ("run=untrained", "run=untrained: has no checkpoint"),
        ("run=untrained epsilon=3", "epsilon=3: must be less than or equal to 1"),
        ("run=untrained device=tpu", "device=tpu: must be auto or one of the devices here"),
        ("run=garbage", "run=garbage: config.yaml cannot be read as yaml"),
        ("run=bomb", "run=bomb: config.yaml cannot be read as yaml"),
        ("run=deep", "run=deep: config.yaml cannot be read as yaml"),
        ("run=code", "run=code: config.yaml cannot be read as yaml"),
        ("run=curious", "run=curious: config.yaml must be a run's config in plain values"),
        ("run=untrained colour=red", "colour: unknown key"),
        ("run=untrained env=null", "env=null: must be left out; a run has its own"),
        ("run=untrained/config.yaml", "run=untrained/config.yaml: must be a directory"),
        ("run=null", "run=null: must be a directory"),
        ("run=optionless", "agent._option_=: must be one of c51, dqn, iqn, qr_dqn"),
        ("--config-path untrained", "resume=untrained goes on with it"),
    ],
)
def test_a_mistake_with_a_run_directory(
    command: object,
    arguments: str,
    message: str,
    stored: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    Path("empty").mkdir()
    for name in ("garbage", "curious", "bomb", "deep", "code"):
        Path(name).mkdir()
    Path("garbage/config.yaml").write_bytes(b"a: [1\nb: }\xff")
    Path("curious/config.yaml").write_text(r'tracker: {project: "\x24{oc.env:WANDB_API_KEY}"}')
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'])}]" for n in range(12)]
    Path("bomb/config.yaml").write_text("\n".join(lines))
    Path("deep/config.yaml").write_text("[" * 100_000)
    Path("code/config.yaml").write_text("!!python/object/apply:os.system ['touch executed']")
    made("untrained/config.yaml", stored)
    made("optionless/config.yaml", stored.replace("  _option_: dqn\n", ""))
    monkeypatch.setattr(sys, "argv", ["command", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        command()  # type: ignore[operator]
    assert message in told(capfd, stop)


def test_a_sweep_in_a_directory_that_may_not_be_written_is_told_by_its_key(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("sweep").mkdir()
    Path("sweep/multirun.yaml").write_text("hydra: {}")
    save = OmegaConf.save

    def refused(config: Any, file: Any, **keywords: Any) -> None:
        if Path(str(file)).name == "multirun.yaml":
            raise PermissionError(errno.EACCES, "Permission denied", str(file))
        save(config, file, **keywords)

    monkeypatch.setattr(OmegaConf, "save", refused)
    arguments = ["-m", "hydra.sweep.dir=sweep", "experiment=cartpole", "seed=1,2"]
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    assert "hydra.sweep.dir: sweep/multirun.yaml cannot be written" in told(capfd, stop)


def test_a_config_that_may_not_be_read_is_told_with_the_systems_reason(
    stored: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made("locked/config.yaml", stored)
    read = Path.read_text

    def refused(path: Path, *arguments: Any, **keywords: Any) -> str:
        if path == Path("locked/config.yaml"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "read_text", refused)  # permissions do not bind every user
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", "resume=locked"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert "resume=locked: config.yaml cannot be read (Permission denied)" in told(capfd, stop)


@pytest.mark.parametrize(
    ("change", "in_the_file", "message"),
    [
        ("total_steps=abc", "", "total_steps=abc: must be a valid integer"),
        ("total_steps=100", "", "learning_starts=75000: must be less than total_steps=100"),
        ("total_steps=100", "total_stepss: 3", "untrained/config.yaml: total_stepss: unknown key"),
    ],
)
def test_who_is_to_blame_is_told_command_line_or_file(
    change: str,
    in_the_file: str,
    message: str,
    stored: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    made("untrained/config.yaml", f"{stored}\n{in_the_file}\n")
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", "resume=untrained", change])
    with pytest.raises(SystemExit) as stop:
        main()
    assert told(capfd, stop).startswith(f"error: {message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("hydra.run.dir=file", "hydra.run.dir: must be a directory, and file cannot be one"),
        ("hydra.run.dir=file/run", "hydra.run.dir: must be a directory, and file/run cannot be"),
        ("-m seed=1,2 hydra.sweep.dir=file", "hydra.sweep.dir: must be a directory, and file can"),
    ],
)
def test_a_file_is_no_directory_for_runs(
    arguments: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    made("file", "not of a run")
    command_line = ["dqn_experiments", "experiment=cartpole", *arguments.split()]
    monkeypatch.setattr(sys, "argv", command_line)
    with pytest.raises(SystemExit) as stop:
        main()
    assert told(capfd, stop).startswith(f"error: {message}")
