"""Random shifts against crops of numpy's padding, and what an update makes of them."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dqn_experiments.augmentation.random_shift import RandomShift
from dqn_experiments.config.compose import composed
from dqn_experiments.experience.batch import Batch, PerSample
from dqn_experiments.network.torso.pixels import as_float
from dqn_experiments.train.learner import Learner

FRAMES, HEIGHT, WIDTH = 3, 9, 12


def screens(size: int, dtype: torch.dtype = torch.uint8, seed: int = 0) -> Tensor:
    """Noise, so that no two crops of a screen are the same."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(256, (size, FRAMES, HEIGHT, WIDTH), generator=draw).to(dtype)


def crops(screen: NDArray[Any], pad: int) -> NDArray[Any]:
    """All there are of [K, H, W]: [(2 pad + 1)^2, K, H, W]."""
    padded = np.pad(screen, ((0, 0), (pad, pad), (pad, pad)), mode="edge")
    shifts = range(2 * pad + 1)
    return np.stack([padded[:, y : y + HEIGHT, x : x + WIDTH] for y in shifts for x in shifts])


def which(seen: Tensor, given: Tensor, pad: int) -> list[int]:
    """The crop that each sample is; it must be one."""
    found = []
    for each, screen in zip(seen.numpy(), given.numpy(), strict=True):
        (number,) = np.flatnonzero((crops(screen, pad) == each).all(axis=(1, 2, 3)))
        found.append(int(number))
    return found


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("pad", [1, 4])
def test_each_sample_is_one_of_its_crops_and_each_as_often(pad: int, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    given, number = screens(2_000, dtype), (2 * pad + 1) ** 2
    before = given.clone()
    seen = RandomShift(pad=pad, intensity=0.0)(given)
    assert (seen.dtype, seen.shape) == (given.dtype, given.shape)
    assert torch.equal(given, before)
    times = np.bincount(which(seen, given, pad), minlength=number)
    expected = len(given) / number
    assert ((times - expected) ** 2 / expected).sum() < number + 4 * np.sqrt(2 * number)


def test_a_stack_out_of_a_longer_one_is_shifted_alike() -> None:
    """Batches hand out views into more frames."""
    long, shift = screens(64), RandomShift(pad=2, intensity=0.0)
    torch.manual_seed(0)
    views = shift(long[:, 1:])
    torch.manual_seed(0)
    assert torch.equal(views, shift(long[:, 1:].clone()))


def test_brightness_is_scaled_by_clipped_normal_numbers() -> None:
    torch.manual_seed(0)
    given = screens(20_000).clamp(min=1)
    seen = RandomShift(pad=0, intensity=0.05)(given)
    assert seen.dtype == torch.float32
    factor = seen / (given.float() / 255)
    torch.testing.assert_close(factor, factor[:, :1, :1, :1].expand_as(factor))  # one per sample
    z = (factor[:, 0, 0, 0] - 1).numpy() / 0.05
    assert np.abs(z).max() == pytest.approx(2, abs=1e-4)
    assert (np.abs(z) > 1.9999).mean() == pytest.approx(0.0455, abs=0.006)  # of N(0, 1) beyond 2
    for bound, below in ((-1, 0.1587), (0, 0.5), (1, 0.8413)):
        assert (z < bound).mean() == pytest.approx(below, abs=0.012)
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 0.03


def test_bytes_are_scaled_as_networks_do_and_numbers_are_not() -> None:
    hardly = RandomShift(pad=0, intensity=1e-30)
    assert torch.equal(hardly(screens(8)), as_float(screens(8)))
    numbers = screens(8, torch.float32)
    assert torch.equal(hardly(numbers), numbers)


def test_both_at_once_are_a_scaled_crop() -> None:
    torch.manual_seed(0)
    given = screens(64).clamp(min=1)
    seen = RandomShift(pad=1, intensity=0.05)(given).numpy()
    for each, screen in zip(seen, given.numpy(), strict=True):
        factors = each / (crops(screen, 1) / 255)
        spread = np.ptp(factors.reshape(9, -1), axis=1)
        assert (spread < 1e-5).sum() == 1


class Seen:
    """A learner on screens whose rule writes down what it is shown."""

    def __init__(self, *overrides: str) -> None:
        small = "network.torso.hidden=[2]", "network.hidden=[4]", "tracker.mode=disabled"
        config = composed("env=pong", "network=mlp", *small, *overrides)
        self.learner = Learner(config, (FRAMES, HEIGHT, WIDTH), 2, torch.device("cpu"))
        self.batches: list[Batch] = []
        loss = self.learner.rule.loss

        def watched(network: Any, target_network: Any, batch: Batch) -> PerSample:
            self.batches.append(batch)
            return loss(network, target_network, batch)

        self.learner.rule.loss = watched  # type: ignore[method-assign]

    def update(self, size: int = 64) -> Batch:
        """One update on the same screens before and after; what was shown of them."""
        self.learner.update(batch(size), 0)
        return self.batches[-1]


def batch(size: int) -> Batch:
    ones = torch.ones(size)
    action, index = torch.zeros(size, dtype=torch.int64), torch.arange(size)
    return Batch(screens(size), action, ones, ones, screens(size), ones, index)


def test_an_update_sees_both_observations_shifted_apart() -> None:
    one = Seen("augmentation=random_shift", "augmentation.intensity=0")
    shown = one.update()
    first, second = (
        which(each, screens(64), 4) for each in (shown.observation, shown.next_observation)
    )
    assert min(len(set(first)), len(set(second))) > 25  # of 81
    assert sum(map(int.__eq__, first, second)) < 10  # one in 81 by chance
    again = one.update()
    assert which(again.observation, screens(64), 4) != first
    for name in ("action", "reward", "discount", "weight", "index"):
        assert torch.equal(getattr(shown, name), getattr(batch(64), name))


def test_nothing_is_changed_without() -> None:
    shown, given = Seen().update(), batch(64)
    assert torch.equal(shown.observation, given.observation)
    assert torch.equal(shown.next_observation, given.next_observation)


def test_shifts_come_from_the_stream_of_the_learner() -> None:
    one, same, other = (Seen("augmentation=random_shift", f"seed={seed}") for seed in (1, 1, 2))
    torch.manual_seed(0)
    stream = torch.get_rng_state()
    first = one.update().observation
    assert torch.equal(torch.get_rng_state(), stream)
    torch.rand(3)
    assert torch.equal(same.update().observation, first)
    assert not torch.equal(other.update().observation, first)
    other.learner.load_state_dict(one.learner.state_dict())
    assert torch.equal(other.update().observation, one.update().observation)
