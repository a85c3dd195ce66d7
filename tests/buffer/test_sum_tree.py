"""The sum tree against a running sum over all leaves."""

import numpy as np
import pytest

from dqn_experiments.buffer.sum_tree import SumTree


@pytest.mark.parametrize("size", [1, 2, 127, 128, 129, 5_000, 20_000])
def test_leaves_are_found_where_the_running_sum_is(size: int) -> None:
    rng = np.random.default_rng(size)
    tree, leaves = SumTree(size), np.zeros(size)
    for _ in range(20):
        leaf = rng.integers(size, size=rng.integers(1, 2 * size))
        value = rng.exponential(size=len(leaf)) * (rng.random(len(leaf)) < 0.7)
        value[0] = 1.0
        tree.set(leaf, value)
        for at, number in zip(leaf, value, strict=True):
            leaves[at] = number
        assert (tree.leaves == leaves).all()
        assert tree.total == pytest.approx(leaves.sum())
        mass = rng.random(100) * tree.total
        running = leaves.cumsum()
        expected = np.searchsorted(running, mass, side="right")
        near = np.abs(running[expected.clip(0, size - 1)] - mass) < 1e-9 * tree.total
        assert ((tree.find(mass) == expected) | near).all()


def test_nothing_of_no_weight_is_found_even_at_the_edges() -> None:
    tree = SumTree(1_000)
    tree.set(np.arange(0, 1_000, 3), np.full(334, 0.1))
    edges = np.array([0.0, np.nextafter(tree.total, 0), tree.total, 1.1 * tree.total])
    border = np.cumsum(tree.leaves)
    for mass in (edges, border, np.nextafter(border, 0)):
        assert (tree.leaves[tree.find(mass)] > 0).all()
