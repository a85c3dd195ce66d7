"""Statistics against those of rliable 1.2.0, and intervals against what they claim."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqn_experiments.comparison.notes import COVERAGE
from dqn_experiments.comparison.statistics import (
    AGGREGATES,
    Estimate,
    Floats,
    Scores,
    above,
    difference,
    estimates,
    improvement,
    iqm,
    mean,
    mean_curve,
)
from dqn_experiments.reference import human_normalized, published_runs

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "rliable_golden.json").read_text())
PROFILE = GOLDEN["performance_profile"]
ITERATION = 39  # 10 million steps
RESAMPLES = 20_000
OFF = 0.005  # an end of an interval, in parts of the value
ONE_RUN = 1 / (5 * len(GOLDEN["games"]))  # a share of runs comes in such steps


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


def assert_is(found: Estimate, golden: dict[str, float], step: float = 0.0) -> None:
    """The value to 1e-9; ends of intervals to `OFF` of it, or a `step` of what comes in steps."""
    assert found.value == pytest.approx(golden["value"], rel=1e-9, abs=1e-9)
    for end in ("low", "high"):
        off = abs(getattr(found, end) - golden[end])
        assert off <= max(OFF * abs(golden["value"]), step + 1e-9), (end, found, golden)


def agents(golden: dict[str, Any]) -> list[Any]:
    """Of which two in the quick suite."""
    names = [agent for agent in golden if agent != "tau"]
    slow = pytest.mark.slow
    return [*names[:2], *(pytest.param(agent, marks=slow) for agent in names[2:])]


@pytest.mark.parametrize("agent", agents(GOLDEN["aggregates"]))
def test_aggregates_are_those_of_rliable(agent: str, generator: np.random.Generator) -> None:
    found = estimates(published(agent), list(AGGREGATES.values()), generator, RESAMPLES)
    for name, estimate in zip(AGGREGATES, found, strict=True):
        assert_is(estimate, GOLDEN["aggregates"][agent][name])


@pytest.mark.parametrize("agent", agents(PROFILE))
def test_the_performance_profile_is_that_of_rliable(
    agent: str, generator: np.random.Generator
) -> None:
    points = [above(tau) for tau in PROFILE["tau"]]
    found = estimates(published(agent), points, generator, RESAMPLES // 4)
    for at, estimate in enumerate(found):
        golden = {name: PROFILE[agent][name][at] for name in ("value", "low", "high")}
        assert_is(estimate, golden, step=ONE_RUN)


@pytest.mark.parametrize("pair", GOLDEN["probability_of_improvement"])
def test_the_probability_of_improvement_is_that_of_rliable(
    pair: str, generator: np.random.Generator
) -> None:
    """Of Rainbow over IQN the golden ends are off by 0.0018 and 0.0025, which is 0.7% of the value
    and more than resamples vary by here; pairs that are drawn one by one agree with ours."""
    ours, theirs = map(published, pair.split(","))
    found = improvement(ours, theirs, generator, RESAMPLES // 2)
    assert_is(found, GOLDEN["probability_of_improvement"][pair], step=0.003)


def test_the_probability_of_improvement_is_what_drawing_pairs_gives(
    generator: np.random.Generator,
) -> None:
    """With runs drawn by index, of which one side has fewer, and ties among them."""
    ours, theirs = published("Rainbow"), [runs[:4] for runs in published("IQN")]
    drawn = np.zeros(RESAMPLES // 2)
    for mine, other in zip(ours, theirs, strict=True):
        left = generator.choice(mine, (len(drawn), len(mine)))[:, :, None]
        right = generator.choice(other, (len(drawn), len(other)))[:, None]
        drawn += ((left > right) + 0.5 * (left == right)).mean(axis=(1, 2)) / len(ours)
    found = improvement(ours, theirs, generator, len(drawn))
    assert found.value == pytest.approx(drawn.mean(), abs=0.001)
    assert found.low == pytest.approx(np.quantile(drawn, 0.025), abs=0.002)
    assert found.high == pytest.approx(np.quantile(drawn, 0.975), abs=0.002)
    few = improvement([np.array([1.0, 2.0, 2.0])], [np.array([2.0, 0.0, 3.0, 2.0])], generator, 1)
    assert few.value == pytest.approx((1 + 2 * 2) / 12)


@pytest.mark.parametrize("agent", GOLDEN["three_runs_of_breakout"])
def test_of_three_runs_of_a_game_the_iqm_is_the_mean(agent: str) -> None:
    golden = GOLDEN["three_runs_of_breakout"][agent]
    runs = published_runs("breakout", agent)
    assert runs is not None
    three = [np.array([human_normalized("breakout", x, "wang_2016") for x in runs[:3, ITERATION]])]
    assert float(iqm(three)) == pytest.approx(golden["iqm"], rel=1e-9)
    assert float(mean(three)) == pytest.approx(golden["mean"], rel=1e-9)


def test_numbers_of_runs_may_differ(generator: np.random.Generator) -> None:
    scores = [np.array([0.0, 2.0]), np.array([3.0]), np.array([1.0, 5.0, 9.0, 0.5])]
    values = [float(statistic(scores)) for statistic in AGGREGATES.values()]
    pooled = np.array([0.5, 1.0, 2.0, 3.0, 5.0])  # without the 25% of 7, which is one, at each end
    per_game = [1.0, 3.0, 15.5 / 4]
    gap = 1 - (0.5 + 1.0 + 3.5 / 4) / 3
    assert values == pytest.approx([pooled.mean(), 3.0, np.mean(per_game), gap])
    assert float(above(1.0)(scores)) == pytest.approx((1 / 2 + 1 + 2 / 4) / 3)
    found = difference(scores, scores, mean, generator)
    assert found.value == 0
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high


def test_the_same_generator_gives_the_same_interval_and_single_runs_have_none() -> None:
    scores = [np.array([0.0, 2.0, 3.0]), np.array([3.0, 1.0])]
    one, other = (estimates(scores, [iqm], np.random.default_rng(5)) for _ in range(2))
    assert one == other
    single = [np.array([1.0]), np.array([2.0])]
    assert estimates(single, [mean], np.random.default_rng(5)) == [Estimate(1.5)]
    assert improvement(single, single, np.random.default_rng(5)) == Estimate(0.5)


def covered(runs: int, games: int, generator: np.random.Generator) -> float:
    """The share of intervals of the mean that hold the true one, 1."""
    found = []
    for _ in range(600):
        scores = [generator.normal(1 + game, 1, runs) for game in range(games)]
        (estimate,) = estimates(scores, [mean], generator, 400)
        assert estimate.low is not None
        assert estimate.high is not None
        found.append(estimate.low <= 1 + (games - 1) / 2 <= estimate.high)
    return float(np.mean(found))


def test_intervals_of_many_runs_cover_at_the_stated_rate(generator: np.random.Generator) -> None:
    assert covered(50, 3, generator) == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("runs", COVERAGE)
def test_intervals_of_few_runs_cover_as_often_as_readers_are_told(
    runs: int, generator: np.random.Generator
) -> None:
    assert covered(runs, 1, generator) == pytest.approx(COVERAGE[runs] / 100, abs=0.04)


@pytest.mark.slow
def test_intervals_of_the_difference_and_of_improvement_cover(
    generator: np.random.Generator,
) -> None:
    """Two groups of 20 runs that are the same in truth."""
    differences, improvements = list[bool](), list[bool]()
    for _ in range(300):
        ours, theirs = ([generator.normal(0, 1, 20) for _ in range(3)] for _ in range(2))
        for kept, truth, found in (
            (differences, 0.0, difference(ours, theirs, iqm, generator, 300)),
            (improvements, 0.5, improvement(ours, theirs, generator, 300)),
        ):
            assert found.low is not None
            assert found.high is not None
            kept.append(found.low <= truth <= found.high)
    assert np.mean(differences) == pytest.approx(0.95, abs=0.035)
    assert np.mean(improvements) == pytest.approx(0.95, abs=0.035)


def test_a_curve_has_a_mean_and_an_interval_where_there_are_runs(
    generator: np.random.Generator,
) -> None:
    nan = np.nan
    curves: Floats = np.array(
        [[1.0, 2.0, nan, 4.0, nan], [3.0, 2.0, 5.0, nan, nan], [5, 2, 7, nan, nan]]
    )
    middle, low, high, runs = mean_curve(curves, generator)
    assert runs.tolist() == [3, 3, 2, 1, 0]
    np.testing.assert_allclose(middle, [3, 2, 6, 4, nan])
    np.testing.assert_allclose(low, [1, 2, 5, nan, nan])
    np.testing.assert_allclose(high, [5, 2, 7, nan, nan])
