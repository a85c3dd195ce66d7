"""What is installed works from any directory."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

from tests.conftest import ROOT


def test_the_wheel_brings_its_configs_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "conf").rglob("*.yaml"):
        assert f"dqn_experiments/conf/{path.relative_to(ROOT / 'conf')}" in names
    assert not [name for name in names if name.startswith(("conf/", "tests/"))]

    # Dependencies come from this environment; the package itself only from the wheel.
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=False)
    python = str(environment / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", python]
    install = [*pip, "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site,) = environment.glob("lib/python3*/site-packages")
    here = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(here))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [
            *(python, "-m", "dqn_experiments", "experiment=cartpole", "total_steps=200"),
            *("learning_starts=150", "evaluation.episodes=2", "tracker.mode=disabled"),
        ],
        cwd=elsewhere,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (run_dir,) = elsewhere.glob("outputs/cartpole/double_dqn/*")
    assert (run_dir / "evaluation.json").is_file()
    where = [python, "-c", "import dqn_experiments; print(dqn_experiments.__file__)"]
    imported = subprocess.run(where, cwd=elsewhere, capture_output=True, text=True).stdout
    assert imported.startswith(str(site))
