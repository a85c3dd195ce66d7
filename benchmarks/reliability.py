"""Kill, signal and damage runs of Breakout, and see whether they end as if nothing had happened.

    python benchmarks/reliability.py --kills 20 --signals 10 --writes 20 --damages 50

One run is left alone and one is killed with SIGKILL at random moments and started again each time;
both must end with the same history.csv and the same weights. Others are signalled, killed while
they write a checkpoint, or find one bit of their newest checkpoint flipped or its end cut off.
`--json FILE` writes the figures.
"""

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tqdm import trange

from dqn_experiments import checkpoint

BREAKOUT = (
    "env=breakout",
    "buffer.capacity=50_000",
    "learning_starts=5_000",
    "evaluation.episodes=5",
    "evaluation.num_envs=5",
    "evaluation.max_frames=4_000",
    "tracker.mode=disabled",
)
SHORT = (*BREAKOUT, "learning_starts=500", "network.hidden=32", "checkpoint.every=250")


def start(run_dir: Path, *overrides: str) -> subprocess.Popen[bytes]:
    """A run in that directory, in a process of its own."""
    command = [sys.executable, "-m", "dqn_experiments", *overrides, f"hydra.run.dir={run_dir}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that must end well."""
    if process.wait():
        sys.exit(f"a run failed with exit code {process.returncode}: {process.args!r}")


def result(run_dir: Path) -> list[str]:
    """What two runs are compared by: the history and the last weights."""
    weights = checkpoint.find(run_dir, "latest").weights()
    sums = {name: hashlib.sha256(tensor.numpy().tobytes()) for name, tensor in weights.items()}
    history = hashlib.sha256((run_dir / "history.csv").read_bytes()).hexdigest()
    return [history, *(f"{name} {each.hexdigest()}" for name, each in sums.items())]


def newest(run_dir: Path) -> str:
    """The name of the newest checkpoint; empty if there is none."""
    return max((path.name for path in (run_dir / "checkpoints").glob("*[0-9]")), default="")


def wait_for_checkpoint(process: subprocess.Popen[bytes], run_dir: Path) -> None:
    """Return as soon as there is one more."""
    before = newest(run_dir)
    while newest(run_dir) == before:
        still_running(process)
        time.sleep(0.01)


def still_running(process: subprocess.Popen[bytes]) -> None:
    """Exit if a run ended that had no reason to."""
    if process.poll() is not None:
        sys.exit(f"a run ended with exit code {process.returncode}: {process.args!r}")


def kill_at_random(folder: Path, kills: int, steps: int) -> dict[str, Any]:
    """Runs of `steps` steps with a checkpoint every 5,000, one of them killed."""
    overrides = (*BREAKOUT, f"total_steps={steps}", "checkpoint.every=5_000")
    began = time.monotonic()
    finish(start(folder / "alone", *overrides))
    seconds = time.monotonic() - began
    moments = random.Random(0)
    reached = []
    for _ in trange(kills, desc="kills", disable=None):
        process = start(folder / "killed", *overrides)
        # long enough to start, to play again and to come past a checkpoint now and then
        time.sleep(8 + moments.random() * 2.5 * seconds / kills)
        process.kill()
        process.wait()
        history = folder / "killed" / "history.csv"
        last = history.read_text().rstrip().rpartition("\n")[2] if history.exists() else ""
        reached.append(int(last.split(",")[0]) if last[:1].isdigit() else 0)
    finish(start(folder / "killed", *overrides))
    same = result(folder / "killed") == result(folder / "alone")
    return {"kills": kills, "steps": steps, "killed_at": reached, "identical": same}


def signal_at_random(folder: Path, signals: int) -> dict[str, Any]:
    """SIGTERM at random moments of one run that goes on after each."""
    moments = random.Random(1)
    seconds, good = [], 0
    overrides = (*SHORT, "total_steps=1_000_000")
    for _ in trange(signals, desc="signals", disable=None):
        process = start(folder / "signalled", *overrides)
        wait_for_checkpoint(process, folder / "signalled")
        time.sleep(moments.random() * 5)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        code = process.wait()
        seconds.append(time.monotonic() - began)
        found = checkpoint.newest_intact(folder / "signalled")
        good += code == 128 + signal.SIGTERM and found is not None
    return {"signals": signals, "good": good, "longest_s": max(seconds)}


def kill_while_writing(folder: Path, writes: int) -> dict[str, Any]:
    """SIGKILL as soon as a checkpoint's unfinished folder is seen."""
    run_dir, recovered = folder / "writing", 0
    overrides = (*SHORT, "total_steps=1_000_000")
    for _ in trange(writes, desc="kills while writing", disable=None):
        process = start(run_dir, *overrides)
        wait_for_checkpoint(process, run_dir)
        while not list((run_dir / "checkpoints").glob("*.partial")):
            still_running(process)
        process.kill()
        process.wait()
        recovered += checkpoint.newest_intact(run_dir) is not None
    return {"kills_while_writing": writes, "recovered": recovered}


def damage(folder: Path, damages: int) -> dict[str, Any]:
    """One bit or the end of a random file of the newest checkpoint."""
    run_dir, choice, noticed = folder / "writing", random.Random(2), 0
    good = checkpoint.newest_intact(run_dir)
    assert good
    for _ in trange(damages, desc="damages", disable=None):
        path = choice.choice(sorted(good.path.iterdir()))
        content = path.read_bytes()
        damaged = bytearray(content)
        damaged[choice.randrange(len(content))] ^= 1 << choice.randrange(8)
        cut = content[: choice.randrange(len(content))]
        path.write_bytes(cut if choice.random() < 0.5 else damaged)
        found = checkpoint.newest_intact(run_dir)
        noticed += found is not None and found.step < good.step
        path.write_bytes(content)
    return {"damages": damages, "noticed": noticed}


def main() -> None:
    """Parse the command line, do all of it, print, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60_000)
    parser.add_argument("--signals", type=int, default=10)
    parser.add_argument("--writes", type=int, default=20)
    parser.add_argument("--damages", type=int, default=50)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="reliability-"))
    measured = {
        **kill_while_writing(folder, options.writes),
        **damage(folder, options.damages),
        **signal_at_random(folder, options.signals),
        **kill_at_random(folder, options.kills, options.steps),
    }
    shutil.rmtree(folder)
    for key, value in measured.items():
        print(f"{key}: {value}")
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
