"""Learning curves on a common grid."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqn_experiments.comparison.curves import (
    POINTS,
    on_grid,
    over_frames,
    over_hours,
    published_curve,
)
from dqn_experiments.comparison.published import Published
from dqn_experiments.comparison.runs import read_run
from tests.comparison.making import CARTPOLE, leave_run, timed

EPISODES = st.lists(
    st.tuples(st.integers(1, 50), st.integers(-5, 5)), min_size=1, unique_by=lambda each: each[0]
)


@given(EPISODES, st.integers(0, 20))
def test_a_point_is_the_mean_of_the_episodes_within_its_interval(
    episodes: list[tuple[int, int]], more: int
) -> None:
    at, returns = np.array(sorted(episodes), float).T
    end = at[-1] + more
    edges = np.arange(0, 81, 10.0)
    found = on_grid(at, returns, edges, end)
    filled = [bool(((at > low) & (at <= low + 10)).any()) for low in edges[:-1]]
    for point, low in enumerate(edges[:-1]):
        inside = (at > low) & (at <= low + 10)
        if inside.any():
            assert found[point] == pytest.approx(returns[inside].mean())
        elif low >= end or not any(filled[:point]):
            assert np.isnan(found[point])
        elif not any(filled[point:]):
            assert found[point] == found[point - 1]
        else:  # on the line between its neighbours
            assert found[point] == pytest.approx((found[point - 1] + found[point + 1]) / 2)


def test_curves_are_means_over_seeds_over_frames_and_hours(tmp_path: Path) -> None:
    runs = [
        read_run(
            leave_run(
                tmp_path / str(seed),
                "env=pong",
                f"seed={seed}",
                returns=[seed] * episodes,
                rows=[timed(100 * episodes, 10.0 * seed)],
            )
        )
        for seed, episodes in ((1, 10), (3, 5))
    ]
    (curve,) = over_frames([runs])
    assert curve is not None
    assert curve.x[-1] == 4000  # frames of 1,000 steps
    half = len(curve.x) // 2
    assert curve.x[half - 1] == 2000
    assert curve.runs.tolist() == [2] * half + [1] * half
    np.testing.assert_allclose(curve.mean, [2] * half + [1] * half)
    np.testing.assert_allclose(curve.low, [1] * half + [np.nan] * half)
    np.testing.assert_allclose(curve.high, [3] * half + [np.nan] * half)
    (timed_curve,) = over_hours([runs])
    assert timed_curve is not None
    # the first took 100 s; the second, three times as fast and half as far, 16.7 s
    assert timed_curve.x[-1] * 3600 == pytest.approx(100, rel=0.1)
    assert max(timed_curve.runs) == 2
    assert (timed_curve.runs[-1], timed_curve.mean[-1]) == (1, 1)


def test_there_are_few_points_and_fewer_where_episodes_are_rare(tmp_path: Path) -> None:
    many = read_run(leave_run(tmp_path / "a", *CARTPOLE, returns=range(5000), every=10))
    few = read_run(leave_run(tmp_path / "b", *CARTPOLE, returns=range(30), every=10))
    empty = read_run(leave_run(tmp_path / "c", *CARTPOLE, returns=()))
    dense, none = over_frames([[many], [empty]])
    assert dense is not None
    assert POINTS / 2 <= len(dense.x) <= POINTS
    assert none is None
    (sparse,) = over_frames([[few]])
    assert sparse is not None
    assert len(sparse.x) <= 30
    assert over_hours([[many]]) == [None]


def test_published_runs_are_shown_as_far_as_the_runs_beside_them() -> None:
    dqn = Published("DQN")
    returns = dqn.returns("pong")
    assert returns is not None
    curve = published_curve(returns, dqn.frames("pong"), 3.5e6)
    assert curve is not None
    assert curve.x.tolist() == [1e6, 2e6, 3e6]
    np.testing.assert_allclose(curve.mean, returns[:, :3].mean(axis=0))
    assert published_curve(returns, dqn.frames("pong"), 9e5) is None
    scores = dqn.scores("pong", 10_100_000)
    assert scores is not None
    assert (scores[0].tolist(), scores[1]) == (returns[:, 39].tolist(), 10_000_000)
    assert dqn.scores("pong", 249_999) is None
    assert dqn.scores("CartPole-v1", 10_000_000) is None
