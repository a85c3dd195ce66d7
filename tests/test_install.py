"""What is installed works from any directory."""

import subprocess
import zipfile
from pathlib import Path

from tests.conftest import ROOT


def test_the_wheel_brings_its_configs_along(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert f"dqn_experiments/conf/{path.relative_to(ROOT / 'conf')}" in names
    assert not [name for name in names if name.startswith(("conf/", "tests/"))]


def test_the_wheel_has_all_of_the_package(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "dqn_experiments").rglob("*"):
        if path.is_file() and path.suffix != ".pyc":
            assert path.relative_to(ROOT).as_posix() in names


def test_an_installed_wheel_trains_in_any_directory(installed: Path, tmp_path: Path) -> None:
    python = str(installed / "python")
    done = subprocess.run(
        [
            *(python, "-m", "dqn_experiments", "experiment=cartpole", "total_steps=200"),
            *("learning_starts=150", "evaluation.episodes=2", "tracker.mode=disabled"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (run_dir,) = tmp_path.glob("outputs/cartpole/double_dqn/*")
    assert (run_dir / "evaluation.json").is_file()
    where = [python, "-c", "import dqn_experiments; print(dqn_experiments.__file__)"]
    imported = subprocess.run(where, cwd=tmp_path, capture_output=True, text=True).stdout
    assert imported.startswith(str(installed.parent))
