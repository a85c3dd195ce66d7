"""Catch is what it says it is, to one who sees nothing but its screens."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.catch.env import Catch


def catch(num_envs: int, screen_size: int = 84, max_frames: int | None = None) -> Catch:
    return Catch(num_envs=num_envs, frame_stack=1, screen_size=screen_size, max_frames=max_frames)


def seen(screen: NDArray[np.generic], value: int) -> tuple[int, int]:
    """The middle of what is drawn in that grey: row and column."""
    rows, columns = np.nonzero(screen == value)
    return int(rows.mean()), int(columns.mean())


def below_the_ball(screens: NDArray[np.generic]) -> NDArray[np.int64]:
    """Walk to where the ball is, as far as can be seen."""
    cell = screens.shape[1] // 12
    steps = [(seen(each, 255)[1] - seen(each, 128)[1]) // cell for each in screens]
    return 1 + np.sign(steps).astype(np.int64)


@pytest.mark.parametrize("size", [12, 36, 84])
def test_who_looks_catches_every_ball(size: int) -> None:
    env = catch(300, size)
    frame: NDArray[np.generic] = env.reset(0)
    assert frame.shape == (300, size, size)
    assert frame.dtype == np.uint8
    for number in range(11):
        assert {seen(each, 255)[0] // (size // 12) for each in frame} == {number}
        step = env.step(below_the_ball(frame))
        assert (step.done == step.terminal).all()
        assert (step.done == (number == 10)).all()
        assert (step.score == (number == 10)).all()
        frame = step.frame
    assert not (step.first_frame == frame).all()


def test_who_does_nothing_misses_what_is_not_above() -> None:
    env = catch(3000, 36)
    frame = env.reset(1)
    above = [abs(seen(each, 255)[1] - seen(each, 128)[1]) <= 6 for each in frame]
    assert np.mean(above) == pytest.approx(5 / 12, abs=0.03)
    for _ in range(11):
        step = env.step(np.ones(3000, np.int64))
    np.testing.assert_array_equal(step.reward, np.where(above, 1, -1))


def test_episodes_follow_from_seeds_and_of_those_of_the_mask_alone() -> None:
    one, other = catch(4), catch(4)
    first = one.reset(5)
    np.testing.assert_array_equal(first, other.reset(5))
    assert not (first == other.reset(6)).all()
    which = np.array([True, False, True, False])
    one.step(np.zeros(4, np.int64))
    mixed = one.reset(6, which)
    np.testing.assert_array_equal(mixed[which], other.reset(6)[which])
    assert [seen(each, 255)[0] // 7 for each in mixed] == [0, 1, 0, 1]


def test_a_limit_ends_an_episode_that_is_not_over() -> None:
    env = catch(1, max_frames=4)
    env.reset(0)
    steps = [env.step(np.zeros(1, np.int64)) for _ in range(4)]
    assert [bool(each.done[0]) for each in steps] == [False, False, False, True]
    assert not any(each.terminal[0] or each.score[0] for each in steps)
    assert seen(steps[-1].first_frame[0], 255)[0] // 7 == 0
