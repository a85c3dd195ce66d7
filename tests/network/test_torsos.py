"""Torsos against slow ones, written from the papers."""

import copy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dqn_experiments.errors import ConfigError
from dqn_experiments.network.torso.data_efficient import DataEfficientCNN
from dqn_experiments.network.torso.impala import Impala
from dqn_experiments.network.torso.mlp import MLP
from dqn_experiments.network.torso.nature_cnn import NatureCNN
from dqn_experiments.network.torso.pooling import MaxPoolTo
from dqn_experiments.run.tensors import load_tensors, save_tensors
from tests.network import slow_network as slow
from tests.network.building import screens

NATURE = [(8, 4), (4, 2), (3, 1)]
EFFICIENT = [(5, 5), (5, 5)]
NOTHING = (0, 0)
NONE = [(NOTHING, NOTHING)] * 3
SAME_84 = [((2, 2), (2, 2)), ((1, 2), (1, 2)), ((1, 1), (1, 1))]  # 84 -> 21 -> 11 -> 11
SAME_38_53 = [((3, 3), (3, 4)), ((1, 1), (1, 1)), ((1, 1), (1, 1))]  # 10x14 -> 5x7


def one(shape: tuple[int, ...]) -> torch.Tensor:
    return screens(1, shape)


def numpy_of(screen: torch.Tensor) -> slow.Array:
    return screen[0].double().numpy() / 255


def stirred(torso: Any) -> Any:
    """With norms whose weights and biases are not 1 and 0."""
    for module in torso.modules():
        if isinstance(module, nn.LayerNorm):
            nn.init.normal_(module.weight)
            nn.init.normal_(module.bias)
    return torso


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize(
    ("kind", "shape", "layers", "padding"),
    [
        (NatureCNN, (4, 84, 84), NATURE, NONE),
        (partial(NatureCNN, padding="same"), (2, 84, 84), NATURE, SAME_84),
        (partial(NatureCNN, padding="same"), (1, 38, 53), NATURE, SAME_38_53),
        (DataEfficientCNN, (2, 84, 53), EFFICIENT, NONE),
    ],
)
def test_convolutions_are_brute_force(
    kind: Any, shape: tuple[int, ...], layers: Any, padding: Any, layer_norm: bool
) -> None:
    torch.manual_seed(0)
    torso = stirred(kind(shape, layer_norm=layer_norm))
    values = list(slow.parameters(torso).values())
    x = numpy_of(one(shape))
    for (_, stride), zeros in zip(layers, padding, strict=False):
        x = slow.convolution(x, values.pop(0), values.pop(0), stride, *zeros)
        x = slow.normalised(x, values.pop(0), values.pop(0)) if layer_norm else x
        x = slow.rectified(x)
    assert not values
    found = torso(one(shape))
    assert found.shape == (1, torso.features) == (1, x.size)
    assert np.allclose(found[0].detach().numpy(), x.flatten(), atol=1e-5)


@pytest.mark.parametrize(
    ("torso", "features"),
    [
        (NatureCNN, 3_136),
        (partial(NatureCNN, padding="same"), 7_744),
        (DataEfficientCNN, 576),
        (Impala, 3_872),
        (partial(Impala, width=2, max_pool=6), 2_304),
        (partial(Impala, width=4), 15_488),
    ],
)
def test_features_of_an_atari_screen(torso: Any, features: int) -> None:
    assert torso((4, 84, 84)).features == features


@pytest.mark.parametrize("max_pool", [None, 2])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_impala_is_the_figure_of_its_paper(layer_norm: bool, max_pool: int | None) -> None:
    torch.manual_seed(0)
    shape = (2, 14, 11)
    torso = stirred(Impala(shape, width=1, max_pool=max_pool, layer_norm=layer_norm))
    values = list(slow.parameters(torso).values())

    def conv(x: slow.Array) -> slow.Array:
        return slow.convolution(x, values.pop(0), values.pop(0), 1, (1, 1), (1, 1))

    def relu(x: slow.Array) -> slow.Array:
        return slow.rectified(slow.normalised(x, values.pop(0), values.pop(0)) if layer_norm else x)

    x = numpy_of(one(shape))
    for _ in range(3):
        x = slow.pooled(conv(x))
        for _ in range(2):
            x = x + conv(relu(conv(relu(x))))
    x = relu(x)
    assert not values
    assert x.shape == (32, 2, 2)  # 14x11 -> 7x6 -> 4x3 -> 2x2, which a pool of 2 leaves
    assert np.allclose(torso(one(shape))[0].detach().numpy(), x.flatten(), atol=1e-4)


def test_the_final_pool_is_the_largest_of_each_part() -> None:
    torch.manual_seed(0)
    plain = Impala((1, 48, 32))
    torch.manual_seed(0)
    pooled = Impala((1, 48, 32), max_pool=2)
    maps = plain(one((1, 48, 32))).view(32, 6, 4)
    parts = maps.view(32, 2, 3, 2, 2).amax(dim=(2, 4))
    assert torch.equal(pooled(one((1, 48, 32)))[0], parts.flatten())


@pytest.mark.parametrize("layer_norm", [False, True])
def test_an_mlp_is_the_slow_one(layer_norm: bool) -> None:
    torch.manual_seed(0)
    torso = stirred(MLP((1, 5), hidden=[6, 4], layer_norm=layer_norm))
    values = list(slow.parameters(torso).values())
    observation = torch.randn(1, 1, 5)
    x = observation.flatten().double().numpy()
    for _ in range(2):
        x = slow.linear(x, values.pop(0), values.pop(0))
        x = slow.normalised(x, values.pop(0), values.pop(0)) if layer_norm else x
        x = slow.rectified(x)
    assert not values
    assert np.allclose(torso(observation)[0].detach().numpy(), x, atol=1e-6)


def normalised_convolutions(torso: nn.Module) -> dict[str, nn.Conv2d]:
    return {
        name: module
        for name, module in torso.named_modules()
        if isinstance(module, nn.Conv2d) and nn.utils.parametrize.is_parametrized(module)
    }


def largest_singular_values(torso: nn.Module) -> list[float]:
    return [
        float(np.linalg.svd(module.weight.detach().flatten(1).numpy())[1][0])
        for module in normalised_convolutions(torso).values()
    ]


def test_spectral_norms_of_residual_units_are_followed_in_training_alone() -> None:
    torch.manual_seed(0)
    torso, x = Impala((1, 16, 16), spectral_norm=True), one((1, 16, 16))
    units = normalised_convolutions(torso)
    assert len(units) == 12
    assert set(units) == {
        f"layers.{b}.{u}.layers.{i}" for b in range(3) for u in (2, 3) for i in (1, 3)
    }
    with torch.no_grad():
        for unit in units.values():
            unit.parametrizations.weight.original.normal_()  # type: ignore[union-attr, operator]
    for _ in range(100):
        torso(x)
    torso.eval()
    assert largest_singular_values(torso) == pytest.approx([1] * 12, abs=0.01)
    before = copy.deepcopy(torso.state_dict())
    first = torso(x)
    assert torch.equal(torso(x), first)
    assert all(torch.equal(before[name], value) for name, value in torso.state_dict().items())
    torso.train()
    torso(x)
    assert not all(torch.equal(before[name], value) for name, value in torso.state_dict().items())


def test_spectral_norms_survive_a_copy_and_a_checkpoint(tmp_path: Path) -> None:
    torso, x = Impala((1, 16, 16), spectral_norm=True), one((1, 16, 16))
    for _ in range(3):
        torso(x).sum().backward()
    torso.eval()
    expected = torso(x)
    save_tensors(torso.state_dict())(tmp_path / "network.pt")
    loaded = Impala((1, 16, 16), spectral_norm=True).eval()
    assert not torch.equal(loaded(x), expected)
    loaded.load_state_dict(load_tensors(tmp_path / "network.pt"))
    copied = copy.deepcopy(torso)
    torch.nn.init.zeros_(torso.layers[0][0].weight)  # type: ignore[index]
    for other in (loaded, copied):
        assert torch.equal(other(x), expected)
        assert not torch.equal(other(x), torso(x))


@pytest.mark.parametrize("side", [84, 38, 64])
def test_padded_layers_have_the_same_names_on_every_screen(side: int) -> None:
    names = dict(NatureCNN((4, side, side), padding="same").named_parameters())
    assert [name for name in names if "weight" in name] == [
        f"layers.{number}.weight" for number in (1, 4, 7)
    ]


@pytest.mark.parametrize("torso", [DataEfficientCNN, Impala, partial(NatureCNN, padding="same")])
def test_a_torso_of_convolutions_needs_a_screen(torso: Any) -> None:
    for shape in [(4, 84), (4,)]:
        with pytest.raises(ConfigError, match="not stacked grey screens of at least"):
            torso(shape)


def test_the_smallest_screens() -> None:
    for kind, smallest in ((NatureCNN, 36), (DataEfficientCNN, 25)):
        assert kind((1, smallest, smallest)).features == 64
        with pytest.raises(ConfigError, match=f"at least {smallest}x{smallest} pixels"):
            kind((1, smallest, smallest - 1))
    assert NatureCNN((1, 1, 1), padding="same").features == 64
    assert Impala((1, 1, 1)).features == 32


@pytest.mark.parametrize("size", [(11, 11), (6, 6), (10, 7), (3, 4)])
def test_pooling_window_by_window_is_what_torch_does(size: tuple[int, int]) -> None:
    pool = MaxPoolTo(6)
    pixels = torch.randn(2, 3, *size, requires_grad=True)
    outputs = pool(pixels), pool.window_by_window(pixels)
    given = torch.randn(2, 3, 6, 6)
    gradients = [torch.autograd.grad(output, pixels, given)[0] for output in outputs]
    torch.testing.assert_close(*outputs, rtol=0, atol=0)
    torch.testing.assert_close(*gradients)
