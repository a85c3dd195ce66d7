"""A bar is for those who can see it."""

import sys

import pytest

from dqn_experiments.machine.progress_bar import progress_bar


def test_a_closed_terminal_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert list(progress_bar(range(3))) == [0, 1, 2]
    with progress_bar(total=3) as bar:
        bar.update()
        bar.set_postfix_str("shown to nobody")
