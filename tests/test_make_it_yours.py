"""docs/make_it_yours.md, followed to the letter where only the wheel is installed."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from dqn_experiments.config.compose import composed
from dqn_experiments.run.stored import store_config
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "make_it_yours.md").read_text()
FILES = dict(re.findall(r"`([\w./]+)`:\n\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
SHELL = "".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = SHELL.replace("\\\n", "").splitlines()
TRANSCRIPTS = dict(re.findall(r"^ +\$ python -m (\S+ .*)\n +(error: .*)$", PAGE, re.MULTILINE))

INSTALL = "pip install --editable ."
BEFORE, AFTER = COMMANDS[: COMMANDS.index(INSTALL)], COMMANDS[COMMANDS.index(INSTALL) + 1 :]

HOW_TO_TRUST = "trust=[my_package] or DQN_EXPERIMENTS_TRUST=my_package allows it"

COMMANDS_IN_ONE_PROCESS = """
import contextlib, io, json, sys
from importlib import import_module

told = []
for module, *arguments in json.load(sys.stdin):
    name = module.partition(".")[2] or "train"
    sys.argv = [name, *arguments]
    with contextlib.redirect_stderr(io.StringIO()) as stderr:
        try:
            import_module(f"dqn_experiments.commands.{name}").main()
        except SystemExit as stop:
            told.append((stop.code, stderr.getvalue().splitlines(), "my_package" in sys.modules))
        else:
            told.append((0, [], False))
json.dump(told, sys.stdout)
"""


class Told(NamedTuple):
    """How a command ended."""

    code: int
    lines: list[str]
    imported: bool


class Shell(NamedTuple):
    """A folder, and a shell whose `python` has the wheel alone."""

    folder: Path
    bin: Path

    def environment(self, **variables: str) -> dict[str, str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        mine = {"PATH": path, "HOME": str(self.folder), "WANDB_MODE": "disabled"}
        return {**os.environ, **mine, **variables}

    def run(self, line: str, **variables: str) -> None:
        environment = self.environment(**variables)
        done = subprocess.run(
            line, shell=True, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def told(self, *commands: str) -> list[Told]:
        """How commands ended, without the seconds that a process of its own takes for each."""
        written = subprocess.run(
            ["python", "-c", COMMANDS_IN_ONE_PROCESS],
            input=json.dumps([command.replace("'", "").split() for command in commands]),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return [Told(*each) for each in json.loads(written)]


@pytest.fixture(scope="module")
def followed(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Where the page was followed down to the installation of one's own package."""
    shell = Shell(tmp_path_factory.mktemp("followed"), installed)
    for name, content in FILES.items():
        file = shell.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    for line in BEFORE:
        shell.run(line)
    return shell


@pytest.mark.slow
def test_the_page_trains_evaluates_and_films_what_is_ones_own(followed: Shell) -> None:
    left = {path.name: path for path in (followed.folder / "outputs").iterdir()}
    assert set(left) == {"wide", "mine", "game", "mine_in_one_go"}
    for run_dir in left.values():
        assert (run_dir / "evaluation.json").is_file()
    assert list(left["game"].glob("videos/*.mp4"))
    assert any(line.startswith("DQN_EXPERIMENTS_TRUST=") for line in BEFORE)
    stored = yaml.safe_load((left["mine"] / "config.yaml").read_text())
    for group in ("network", "agent", "buffer", "optimizer", "schedule", "tracker"):
        assert stored[group]["_target_"].startswith(f"my_package.{group}.")


@pytest.mark.slow
def test_a_run_of_ones_own_parts_goes_on_bit_for_bit(followed: Shell) -> None:
    outputs = followed.folder / "outputs"
    paused, in_one_go = outputs / "mine", outputs / "mine_in_one_go"
    assert "paused" in (paused / "train.log").read_text()
    history = (paused / "history.csv").read_text()
    assert len(history.splitlines()) > 10
    assert history == (in_one_go / "history.csv").read_text()
    weights = [(path / "checkpoints/0000002000/network.pt") for path in (paused, in_one_go)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    tracked = (paused / "tracked.jsonl").read_text()
    assert tracked == (paused / "metrics.jsonl").read_text()  # each row once


@pytest.mark.slow
def test_what_the_page_says_is_told_is_told(followed: Shell) -> None:
    assert len(TRANSCRIPTS) == 2
    for told, line in zip(followed.told(*TRANSCRIPTS), TRANSCRIPTS.values(), strict=True):
        assert (told.code, told.lines) == (2, [line])


@pytest.mark.slow
def test_without_trust_every_command_says_in_one_line_how_to_give_it(followed: Shell) -> None:
    told_of_itself = followed.folder / "outputs" / "told_of_itself"
    shutil.copytree(followed.folder / "outputs" / "mine", told_of_itself)
    with (told_of_itself / "config.yaml").open("a") as config:
        config.write("trust: [my_package]\n")
    configs = followed.folder / "my_conf" / "experiment"
    (configs / "trusting.yaml").write_text(
        FILES["my_conf/experiment/mine.yaml"] + "trust: [my_package]\n"
    )
    commands = (
        "dqn_experiments --config-dir my_conf experiment=mine",
        "dqn_experiments --config-dir my_conf experiment=trusting",
        "dqn_experiments --config-dir my_conf env=cartpole network=mlp network/torso=normalised",
        "dqn_experiments resume=outputs/mine",
        "dqn_experiments resume=outputs/game",
        "dqn_experiments resume=outputs/told_of_itself",
        "dqn_experiments.evaluate run=outputs/mine",
        "dqn_experiments.evaluate run=outputs/game",
        "dqn_experiments.evaluate run=outputs/told_of_itself",
        "dqn_experiments.watch run=outputs/mine",
        "dqn_experiments.watch run=outputs/game",
        "dqn_experiments.watch run=outputs/told_of_itself trust=[another]",
    )
    for command, told in zip(commands, followed.told(*commands), strict=True):
        assert told.code == 2, command
        (line,) = told.lines
        assert line.startswith("error: ")
        assert HOW_TO_TRUST in line
        assert not told.imported, command


@pytest.mark.slow
def test_a_run_directory_cannot_hide_a_class_where_values_belong(followed: Shell) -> None:
    hiding = followed.folder / "outputs" / "hiding"
    hiding.mkdir()
    config = composed("experiment=cartpole")
    config.env.kwargs = {"deep": [{"down": {**config.env, "id": "my_package:Game-v0"}}]}
    store_config(hiding, config)
    (told,) = followed.told("dqn_experiments.evaluate run=outputs/hiding")
    assert (told.code, told.imported) == (2, False)
    (line,) = told.lines
    assert "env.kwargs: must be plain values, without a _target_" in line


@pytest.mark.slow
def test_a_component_must_have_the_keys_that_a_run_needs(followed: Shell) -> None:
    code = "class Ring:\n    def __init__(self, spec, /, *, capacity: int): ...\n"
    (followed.folder / "my_package" / "ring.py").write_text(code)
    option = "_target_: my_package.ring.Ring\ncapacity: 100\n"
    (followed.folder / "my_conf" / "buffer" / "ring.yaml").write_text(option)
    command = "dqn_experiments --config-dir my_conf trust=[my_package] experiment=mine buffer=ring"
    (told,) = followed.told(f"{command} ~buffer.batch_size ~buffer.n_step")
    lacking = "must have batch_size, n_step as keys"
    assert told.lines == [f"error: buffer._target_=my_package.ring.Ring: {lacking}"]


@pytest.mark.slow
def test_an_installed_package_with_the_entry_point_is_trusted(
    followed: Shell, tmp_path: Path
) -> None:
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    site = tmp_path / "site"
    information = site / f"{project['name']}-{project['version']}.dist-info"
    information.mkdir(parents=True)
    points = project["entry-points"]["dqn_experiments"].items()
    lines = ["[dqn_experiments]", *(f"{name} = {value}" for name, value in points)]
    (information / "entry_points.txt").write_text("\n".join(lines))
    shutil.copytree(followed.folder / "my_package", site / "my_package")
    elsewhere = Shell(tmp_path, followed.bin)
    (tmp_path / "outputs").symlink_to(followed.folder / "outputs")
    for line in AFTER:
        elsewhere.run(line, PYTHONPATH=str(site))
