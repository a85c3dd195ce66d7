"""Layouts and kernels that make an update fast leave what it computes as it is."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dqn_experiments.experience.batch import Batch
from dqn_experiments.network.torso import convolutions, impala, nature_cnn
from dqn_experiments.network.torso.pixels import as_float
from dqn_experiments.train.learner import Learner
from tests.train.updates import FAMILY, after_updates, batches, learner_of, settings

SMALL = "env.screen_size=36", "network.hidden=32"
fast_pixels = convolutions.as_pixels


def plain_pixels(observation: Tensor) -> Tensor:
    """Channels first."""
    return as_float(observation)


def precise(batch: Batch, dtype: torch.dtype) -> Batch:
    numbers = {name: getattr(batch, name).to(dtype) for name in ("reward", "discount", "weight")}
    return replace(batch, **numbers)


def learner_that(
    pixels: Callable[[Tensor], Tensor],
    dtype: torch.dtype,
    chosen: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Learner:
    """One whose convolutions take what `pixels` makes of screens."""
    for torso in (impala, nature_cnn):
        monkeypatch.setattr(torso, "as_pixels", lambda observation: pixels(observation).to(dtype))
    learner = learner_of(settings("cpu", *SMALL, *chosen))
    for network in (learner.network, learner.target_network):
        network.to(dtype)
        if pixels is plain_pixels:
            network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        channels_first = all(weight.is_contiguous() for weight in network.parameters())
        assert channels_first == (pixels is plain_pixels)
    learner._begin_optimizer()
    return learner


@pytest.mark.parametrize(
    "chosen", [*FAMILY[:-1], pytest.param(FAMILY[-1], marks=pytest.mark.slow)], ids=" ".join
)
@pytest.mark.parametrize(
    ("dtype", "updates", "agree"),
    [
        (torch.float64, 200, 1e-9),
        # before rounding chooses another action, or another side of a rectifier's corner: from
        # there on two networks have little to do with each other
        (torch.float32, 20, 1e-5),
    ],
    ids=["double", "single"],
)
def test_a_fast_update_computes_what_a_plain_one_does(
    chosen: list[str],
    dtype: torch.dtype,
    updates: int,
    agree: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [precise(batch, dtype) for batch in batches(updates, 4, 36, "cpu")]
    fast = learner_that(fast_pixels, dtype, chosen, monkeypatch)
    before = after_updates(fast, [])
    learned = after_updates(fast, given)
    plain = learner_that(plain_pixels, dtype, chosen, monkeypatch)
    for group in plain._optimizer.param_groups:
        group.update(fused=False, foreach=False)
    expected = after_updates(plain, given)
    assert (expected - before).norm() / before.norm() > 2e-5 * updates  # something was learned
    assert (learned - expected).norm() / expected.norm() < agree
