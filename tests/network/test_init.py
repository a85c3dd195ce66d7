"""Initial weights against the formulas of Flax's initialisers."""

from functools import partial
from math import sqrt
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dqn_experiments.experience.spec import Implicit
from dqn_experiments.network.noisy import NoisyLinear
from dqn_experiments.network.torso.impala import Impala
from dqn_experiments.network.torso.nature_cnn import NatureCNN
from dqn_experiments.network.torso_and_head import TorsoAndHead
from tests.network.building import SCREENS, build


def network(init: str, torso: Any = NatureCNN, **changes: Any) -> TorsoAndHead:
    torch.manual_seed(0)
    implicit = Implicit(64, 1, 8)
    return build(torso, SCREENS, 1, implicit, init=init, dueling=True, **changes)


def is_uniform(weight: torch.Tensor, bound: float) -> None:
    assert weight.abs().max().item() <= bound * (1 + 1e-6)
    assert weight.abs().max().item() > bound * (1 - 10 / weight.numel())
    assert weight.mean().item() == pytest.approx(0, abs=4 * bound / sqrt(3 * weight.numel()))
    if weight.numel() > 5_000:
        assert weight.var().item() == pytest.approx(bound**2 / 3, rel=0.05)


def bound_of(init: str, weight: torch.Tensor) -> float:
    window = weight[0, 0].numel()
    fan_in, fan_out = weight.shape[1] * window, weight.shape[0] * window
    if init == "xavier_uniform":
        return sqrt(6 / (fan_in + fan_out))
    variance = (1 / sqrt(3)) / fan_in  # Flax: scale / fan_in, of a uniform distribution
    return sqrt(3 * variance)


@pytest.mark.parametrize("init", ["xavier_uniform", "variance_scaling"])
def test_weights_are_flaxs_and_biases_zero(init: str) -> None:
    layers = [each for each in network(init).modules() if isinstance(each, nn.Conv2d | nn.Linear)]
    assert len(layers) == 3 + 1 + 4
    for layer in layers:
        is_uniform(layer.weight.detach(), bound_of(init, layer.weight))
        assert layer.bias is not None
        assert torch.all(layer.bias == 0)
    assert len({layer.weight[0].flatten()[0].item() for layer in layers}) == len(layers)


def test_torchs_are_those_of_dqn_zoo() -> None:
    for layer in network("torch").modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            bound = 1 / sqrt(layer.weight[0].numel())
            is_uniform(layer.weight.detach(), bound)
            assert layer.bias is not None
            assert layer.bias.abs().max().item() <= bound
            assert torch.any(layer.bias != 0)


@pytest.mark.parametrize("init", ["xavier_uniform", "variance_scaling"])
def test_noisy_layers_and_norms_keep_their_own(init: str) -> None:
    changed = network(init, noisy_sigma=0.5, layer_norm=True).state_dict()
    plain = network("torch", noisy_sigma=0.5, layer_norm=True)
    kept = {
        f"{name}.{kind}"
        for name, module in plain.named_modules()
        if isinstance(module, NoisyLinear | nn.LayerNorm)
        for kind in module.state_dict()
    }
    assert len(kept) == 4 * 4 + 2 * 2
    for name, value in plain.state_dict().items():
        assert torch.equal(changed[name], value) == (name in kept), name


@pytest.mark.parametrize("init", ["torch", "xavier_uniform", "variance_scaling"])
def test_spectral_norms_are_known_from_the_start(init: str) -> None:
    net = network(init, partial(Impala, max_pool=2, spectral_norm=True), hidden=[8]).eval()
    units = [
        module
        for module in net.modules()
        if isinstance(module, nn.Conv2d) and nn.utils.parametrize.is_parametrized(module)
    ]
    assert len(units) == 12
    for unit in units:
        largest = np.linalg.svd(unit.weight.detach().flatten(1).numpy())[1][0]
        assert largest == pytest.approx(1, abs=0.15)
        if init != "torch":
            original: Any = unit.parametrizations.weight.original  # type: ignore[union-attr]
            is_uniform(original.detach(), bound_of(init, original))
