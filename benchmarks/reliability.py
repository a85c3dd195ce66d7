"""Kill, signal and damage runs of Breakout, and see whether they end as if nothing had happened.

    python benchmarks/reliability.py --kills 20 --signals 10 --writes 20 --damages 50

One run is left alone and one is killed with SIGKILL at random moments and started again each time;
both must end with the same history.csv and the same weights. Others are signalled, killed while
they write a checkpoint, or find one bit of their newest checkpoint flipped or its end cut off.
`--plot FILE` draws the learning curves of the first two, `--json FILE` writes the figures, and 0
leaves a part out.
"""

import argparse
import csv
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray
from tqdm import trange

from dqn_experiments.run import checkpoint

BREAKOUT = (
    "env=breakout",
    "buffer.capacity=50_000",
    "learning_starts=5_000",
    "optimizer.lr=2e-4",
    "schedule.delay=5_000",
    "schedule.steps=25_000",
    "evaluation.episodes=5",
    "evaluation.num_envs=5",
    "evaluation.max_frames=4_000",
    "tracker.mode=offline",
)
ENDLESS = (*BREAKOUT, "learning_starts=500", "checkpoint.every=250", "total_steps=1_000_000")
EPISODES = 50  # that a point of the learning curve is the mean of


def start(run_dir: Path, *overrides: str) -> subprocess.Popen[bytes]:
    """A run in that directory, in a process of its own."""
    command = [sys.executable, "-m", "dqn_experiments", *overrides, f"hydra.run.dir={run_dir}"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a run that must end well."""
    if process.wait():
        sys.exit(f"a run failed with exit code {process.returncode}: {process.args!r}")


def wait_while_running(process: subprocess.Popen[bytes]) -> None:
    """A moment later; exits if the run ended that had no reason to."""
    if process.poll() is not None:
        sys.exit(f"a run ended with exit code {process.returncode}: {process.args!r}")
    time.sleep(0.005)


@contextmanager
def running(run_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that is past one more checkpoint than there was, and ends with the block."""
    before = newest(run_dir)
    process = start(run_dir, *ENDLESS)
    while newest(run_dir) == before:
        wait_while_running(process)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def newest(run_dir: Path) -> str:
    """The name of the newest checkpoint; empty if there is none."""
    return max((path.name for path in (run_dir / "checkpoints").glob("*[0-9]")), default="")


def result(run_dir: Path) -> list[str]:
    """What two runs are compared by: the history and the last weights."""
    weights = checkpoint.find(run_dir, "latest").weights()
    sums = {name: hashlib.sha256(tensor.numpy().tobytes()) for name, tensor in weights.items()}
    history = hashlib.sha256((run_dir / "history.csv").read_bytes()).hexdigest()
    return [history, *(f"{name} {each.hexdigest()}" for name, each in sums.items())]


def episodes(run_dir: Path) -> NDArray[np.float64]:
    """Steps and returns of all episodes so far, [2, episodes]."""
    file = run_dir / "history.csv"
    text = file.read_text() if file.exists() else ""
    whole = text[: text.rfind("\n") + 1].splitlines()
    rows = [(row["step"], row["episode_return"]) for row in csv.DictReader(whole)]
    return np.array(rows, float).reshape(-1, 2).T


def kill_at_random(folder: Path, kills: int, steps: int) -> dict[str, Any]:
    """Runs of `steps` steps with a checkpoint every 5,000, one of them killed."""
    alone, killed = folder / "alone", folder / "killed"
    overrides = (*BREAKOUT, f"total_steps={steps}", "checkpoint.every=5_000")
    began = time.monotonic()
    finish(start(alone, *overrides))
    seconds = time.monotonic() - began
    stalls = re.findall(r" MB in ([\d.]+) s$", (alone / "train.log").read_text(), re.MULTILINE)
    moments, reached = random.Random(0), []
    for moment in trange(kills, desc="kills", disable=None):
        process = start(killed, *overrides)
        until = 0.97 * steps * (moment + moments.random()) / kills
        while episodes(killed)[0].max(initial=0) < until:
            wait_while_running(process)
        time.sleep(moments.random())
        process.kill()
        process.wait()
        reached.append(int(episodes(killed)[0].max(initial=0)))
    finish(start(killed, *overrides))
    return {
        "kills": kills,
        "killed_at": reached,
        "identical": result(killed) == result(alone),
        "checkpoints": len(stalls),
        "checkpoints_share": sum(map(float, stalls)) / seconds,
    }


def signal_at_random(folder: Path, signals: int) -> dict[str, Any]:
    """SIGTERM at random moments of one run that goes on after each."""
    run_dir, moments, seconds, good = folder / "signalled", random.Random(1), [], 0
    for _ in trange(signals, desc="signals", disable=None):
        with running(run_dir) as process:
            time.sleep(moments.random() * 5)
            before = newest(run_dir)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            code = process.wait()
            seconds.append(time.monotonic() - began)
        found = checkpoint.newest_intact(run_dir)
        good += code == 128 + signal.SIGTERM and found is not None and found.path.name > before
    with running(run_dir):  # goes on from the last one, too
        return {"signals": signals, "good": good, "longest_s": max(seconds)}


def kill_while_writing(folder: Path, writes: int) -> dict[str, Any]:
    """SIGKILL as soon as a checkpoint's unfinished folder is seen; the next start goes on."""
    run_dir, unfinished, recovered = folder / "writing", 0, 0
    for _ in trange(writes, desc="kills while writing", disable=None):
        with running(run_dir) as process:
            while not list((run_dir / "checkpoints").glob("*.partial")):
                wait_while_running(process)
            process.kill()
            process.wait()
        unfinished += len(list((run_dir / "checkpoints").glob("*.partial")))
        found = checkpoint.newest_intact(run_dir)
        recovered += found is not None and found.path.name == newest(run_dir)
    with running(run_dir):
        return {"kills_while_writing": writes, "unfinished": unfinished, "recovered": recovered}


def damage(folder: Path, damages: int) -> dict[str, Any]:
    """One bit or the end of a random file of the newest checkpoint."""
    run_dir, choice, noticed = folder / "damaged", random.Random(2), 0
    for _ in range(2):  # the newest, and one to go back to
        with running(run_dir):
            pass
    told = BufferingHandler(damages + 1)
    checkpoint.log.addHandler(told)
    checkpoint.log.propagate = False
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
        named = bool(told.buffer) and str(good.path) in told.buffer[-1].getMessage()
        noticed += named and found is not None and found.step < good.step
        told.flush()
        path.write_bytes(content)
    checkpoint.log.removeHandler(told)
    checkpoint.log.propagate = True
    return {"damages": damages, "noticed": noticed}


def draw(folder: Path, kills: list[int], output: Path) -> None:
    """Save a picture of the two runs, one above the other."""
    figure, both = plt.subplots(2, figsize=(8, 4.5), dpi=150, sharex=True, sharey=True)
    titles = (f"killed {len(kills)} times with kill -9, at the marks", "never stopped")
    for axes, name, title in zip(both, ("killed", "alone"), titles, strict=True):
        steps, returns = episodes(folder / name)
        sums = np.cumsum(np.concatenate([[0], returns]))
        count = np.minimum(np.arange(1, len(returns) + 1), EPISODES)
        mean = (sums[1:] - sums[np.arange(1, len(returns) + 1) - count]) / count
        axes.plot(steps / 1e3, mean, color="#1b4965")
        if name == "killed":
            at = np.array(kills)
            axes.plot(at / 1e3, np.interp(at, steps, mean), "x", color="#c1121f", mew=2, ms=7)
        axes.set_title(title, fontsize=10, loc="left")
        axes.grid(alpha=0.3)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    both[1].set(xlabel="agent steps (thousands)")
    both[0].set_xlim(0)
    both[0].set_ylim(0)
    figure.supylabel(f"mean return of {EPISODES} episodes", fontsize=10)
    figure.tight_layout()
    figure.savefig(output)


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
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    measured: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="reliability-") as name:
        folder = Path(name)
        if options.writes:
            measured |= kill_while_writing(folder, options.writes)
        if options.damages:
            measured |= damage(folder, options.damages)
        if options.signals:
            measured |= signal_at_random(folder, options.signals)
        if options.kills:
            measured |= kill_at_random(folder, options.kills, options.steps)
            if options.plot:
                draw(folder, measured["killed_at"], options.plot)
    for key, value in measured.items():
        print(f"{key}: {value}")
    if options.json:
        options.json.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
