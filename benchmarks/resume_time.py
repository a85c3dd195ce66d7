"""How long a killed run takes to go on, with few and many environments, in long episodes.

    python benchmarks/resume_time.py --game pitfall --num-envs 1 8 64 --steps 4000

Each run learns little, is killed at its first checkpoint after that many steps of every
environment, and is gone on with twice: as it is, and as another user would have to, whose key does
not fit the states that long episodes were saved in, so that all is played again. Both must show
what was shown before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dqn_experiments import state

SMALL = [
    "total_steps=100_000_000",
    "learning_starts=1_000",
    "update_every=64",
    "buffer.capacity=20_000",
    "checkpoint.every=10s",
    "checkpoint.keep=2",
    "tracker.mode=disabled",
    "evaluation.episodes=1",
    "evaluation.max_frames=40",
]
COLUMNS = "{:>12} {:>10} {:>14} {:>14} {:>12}"


def killed(folder: Path, game: str, num_envs: int, steps: int) -> Path:
    """A run that was killed at a checkpoint after `steps` of every environment."""
    run_dir = folder / f"{game}_{num_envs}"
    options = (f"env={game}", f"env.num_envs={num_envs}", f"hydra.run.dir={run_dir}")
    process = subprocess.Popen(
        [sys.executable, "-m", "dqn_experiments", *options, *SMALL],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while newest(run_dir) < steps * num_envs:
        if process.poll() is not None:
            sys.exit(f"the run ended with exit code {process.returncode}")
        time.sleep(0.05)
    process.kill()
    process.wait()
    return run_dir


def newest(run_dir: Path) -> int:
    """Steps of the newest checkpoint."""
    return max((int(each.name) for each in run_dir.glob("checkpoints/*[0-9]")), default=0)


def seconds_to_go_on(run_dir: Path, **environment: str) -> float:
    """Of the whole command that takes one step more."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "dqn_experiments", f"resume={run_dir}", "pause_after=1"],
        env={**os.environ, **environment},
        check=True,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def oldest(run_dir: Path) -> int:
    """Steps since the seed of the environment that was seeded first."""
    saved = state.load(run_dir / "checkpoints" / f"{newest(run_dir):010}" / "player.state")
    return int(saved["env"]["age"].max())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--game", default="pitfall")
    parser.add_argument("--num-envs", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--steps", type=int, default=4_000)
    arguments = parser.parse_args()
    print(COLUMNS.format("environments", "oldest", "go on (s)", "play all (s)", "checkpoint"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for num_envs in arguments.num_envs:
            run_dir = killed(folder, arguments.game, num_envs, arguments.steps)
            step, age = newest(run_dir), oldest(run_dir)
            quick = seconds_to_go_on(run_dir)
            everything = seconds_to_go_on(run_dir, XDG_CONFIG_HOME=str(folder / "nobody"))
            print(
                COLUMNS.format(num_envs, age, f"{quick:.1f}", f"{everything:.1f}", step), flush=True
            )


if __name__ == "__main__":
    main()
