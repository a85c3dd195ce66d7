"""Measure how long a command takes until there is something to see.

    python benchmarks/startup.py --turns 5

To explain itself, to print a config, and to take the first step in Breakout, with a W&B run that
is offline and with none. Each is a process of its own, which ends there; they take turns. What
W&B's own process takes of processors is not counted.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
from tqdm import tqdm

UNTIL_THE_FIRST_STEP = """
import os, runpy
from ale_py.vector_env import AtariVectorEnv
AtariVectorEnv.step = lambda *_, **__: os._exit(0)
runpy.run_module("dqn_experiments", run_name="__main__", alter_sys=True)
"""
COMMANDS: dict[str, list[str]] = {
    "--help": ["-m", "dqn_experiments", "--help"],
    "--cfg job": ["-m", "dqn_experiments", "--cfg", "job"],
    **{
        f"the first step, tracker.mode={mode}": [
            *("-c", UNTIL_THE_FIRST_STEP, "env=breakout", f"tracker.mode={mode}")
        ]
        for mode in ("offline", "disabled")
    },
}


def took(arguments: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of processors, of a command."""
    # W&B's process outlives it for a moment, and writes there
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        used, began = _processor_seconds(), time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "TMPDIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - began, _processor_seconds() - used


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Parse the command line, take turns, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=5)
    turns = parser.parse_args().turns
    seconds = {name: np.empty((turns, 2)) for name in COMMANDS}
    for turn in tqdm(range(turns), "turns", disable=None):
        for name, arguments in COMMANDS.items():
            seconds[name][turn] = took(arguments)
    for name, each in seconds.items():
        wall, processors = np.median(each, axis=0)
        print(f"{name:36} {wall:6.2f} s, {processors:6.2f} s of processors")


if __name__ == "__main__":
    main()
