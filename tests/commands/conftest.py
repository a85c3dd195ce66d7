"""What the tests of commands share."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dqn_experiments.commands.train import main

Told = Callable[..., tuple[int, str, str]]


@pytest.fixture
def told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Told:
    """Run a command in this process; its exit code, stdout and the last line on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(*arguments: str, command: Callable[[], object] = main) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["dqn_experiments", *arguments])
        code = 0
        try:
            command()
        except SystemExit as end:
            code = int(end.code or 0)
        output = capfd.readouterr()
        return code, output.out, (output.err.splitlines() or [""])[-1]

    return run
