import pytest

from dqn_experiments.schedule.constant import Constant
from dqn_experiments.schedule.exponential import Exponential
from dqn_experiments.schedule.linear import Linear
from dqn_experiments.schedule.linear_then_zero import LinearThenZero


def test_linear_is_the_notebooks_formula_at_every_step() -> None:
    minimum, maximum, phase, max_steps = 0.1, 1.0, 0.1, 2_500_000
    epsilon = Linear(start=1.0, end=0.1, steps=250_000, delay=0)
    for t in range(260_000):
        notebook = max(minimum, minimum + (maximum - minimum) * (1 - t / (phase * max_steps)))
        assert abs(epsilon(t) - notebook) < 1e-12
    assert epsilon(max_steps) == 0.1


def test_linear_can_wait() -> None:
    epsilon = Linear(start=1.0, end=0.5, steps=10, delay=100)
    assert [epsilon(step) for step in (0, 100, 105, 110, 200)] == [1.0, 1.0, 0.75, 0.5, 0.5]


def test_linear_can_end_for_good() -> None:
    epsilon = LinearThenZero(start=1.0, end=0.5, steps=10, delay=0, off_after=20)
    linear = Linear(start=1.0, end=0.5, steps=10, delay=0)
    assert [epsilon(step) for step in range(21)] == [linear(step) for step in range(21)]
    assert epsilon(21) == epsilon(10**9) == 0


def test_exponential_shrinks_by_one_factor() -> None:
    schedule = Exponential(start=1.0, end=0.01, steps=100)
    assert schedule(0) == 1.0
    assert schedule(50) == pytest.approx(0.1)
    assert schedule(100) == schedule(1000) == pytest.approx(0.01)
    ratios = [schedule(step + 1) / schedule(step) for step in range(99)]
    assert ratios == pytest.approx([ratios[0]] * 99)


def test_constant() -> None:
    assert Constant(value=0.3)(0) == Constant(value=0.3)(10**9) == 0.3
