"""Statistics against those of rliable 1.2.0, and intervals against what they claim."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqn_experiments.comparison import statistics
from dqn_experiments.comparison.statistics import AGGREGATES, Estimate, Scores, above, estimates
from dqn_experiments.reference import human_normalized, published_runs

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "rliable_golden.json").read_text())
ITERATION = 39  # 10 million steps
INTERVALS = 0.005  # how far an end may be off, in parts of the value


def published(agent: str) -> Scores:
    """Human-normalized scores of Dopamine's five runs of every game of the golden numbers."""
    games = []
    for game in GOLDEN["games"]:
        runs = published_runs(game, agent)
        assert runs is not None
        normalized = [human_normalized(game, score, "wang_2016") for score in runs[:, ITERATION]]
        games.append(np.array(normalized, float))
    return games


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(1)


def assert_is(found: Estimate, golden: dict[str, float]) -> None:
    assert found.value == pytest.approx(golden["value"], rel=1e-9, abs=1e-9)
    for end in ("low", "high"):
        off = abs(getattr(found, end) - golden[end])
        assert off <= INTERVALS * abs(golden["value"]), (found, golden)


@pytest.mark.parametrize("agent", GOLDEN["aggregates"])
def test_aggregates_are_those_of_rliable(agent: str, generator: np.random.Generator) -> None:
    found = estimates(published(agent), list(AGGREGATES.values()), generator, 50_000)
    for name, estimate in zip(AGGREGATES, found, strict=True):
        assert_is(estimate, GOLDEN["aggregates"][agent][name])
