"""Torsos and heads, in every combination, sized by what a rule asks for."""

from typing import Any

import pytest
import torch

from dqn_experiments.errors import ConfigError
from dqn_experiments.network.head import DuelingHead
from dqn_experiments.network.torso.mlp import MLP
from dqn_experiments.network.torso.nature_cnn import NatureCNN
from tests.network.building import SCREENS, build, weights


def mlp(shape: tuple[int, ...], hidden: list[int] | None = None) -> MLP:
    return MLP(shape, hidden=hidden or [])


def test_nature_cnn_has_the_notebooks_weights() -> None:
    assert weights(build(NatureCNN, SCREENS)) == 1_686_180


@pytest.mark.parametrize("torso", [NatureCNN, mlp])
@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("outputs", [1, 51])
def test_every_torso_goes_with_every_head(torso: Any, dueling: bool, outputs: int) -> None:
    network = build(torso, SCREENS, outputs, hidden=[16], dueling=dueling)
    assert network(torch.zeros(3, *SCREENS, dtype=torch.uint8)).shape == (3, 4, outputs)
    features = network.torso.features
    streams = (1 + 4 if dueling else 4) * outputs * 17
    assert weights(network.head) == streams + (1 + dueling) * (features + 1) * 16


@pytest.mark.parametrize("outputs", [1, 3])
def test_dueling_combines_its_streams_as_equation_9(outputs: int) -> None:
    head = DuelingHead(10, 6, outputs, [16])
    features = torch.randn(3, 10)
    value, advantage = head.value(features), head.advantage(features).view(3, 6, outputs)
    for row in range(3):
        for output in range(outputs):
            each = advantage[row, :, output].tolist()
            expected = [value[row, output].item() + a - sum(each) / 6 for a in each]
            found = head(features)[row, :, output].tolist()
            assert found == pytest.approx(expected, abs=1e-5)


def test_layers_of_an_mlp_torso_come_before_those_of_its_head() -> None:
    network = build(lambda shape: mlp(shape, [7, 5]), (1, 3), hidden=[6])
    widths = [weight.shape for name, weight in network.named_parameters() if "weight" in name]
    assert widths == [(7, 3), (5, 7), (6, 5), (4, 6)]


def test_bytes_are_scaled_and_numbers_are_not() -> None:
    network = build(mlp, (1, 3), hidden=[8])
    bytes_ = torch.tensor([[[0, 51, 255]]], dtype=torch.uint8)
    assert torch.allclose(network(bytes_), network(torch.tensor([[[0.0, 0.2, 1.0]]])))


@pytest.mark.parametrize("shape", [(4, 20, 20), (4, 84), (4,)])
def test_a_convolution_needs_a_screen(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="at least 36x36"):
        build(NatureCNN, shape)
