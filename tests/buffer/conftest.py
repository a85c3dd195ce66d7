"""What the tests of replay memories share."""

import pytest

from dqn_experiments.buffer import compressed_frames


@pytest.fixture(autouse=True)
def dictionaries_come_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed_frames, "DICTIONARY_AFTER", 60)
