import pytest
import torch

from dqn_experiments.errors import ConfigError
from dqn_experiments.network.dueling import Dueling
from dqn_experiments.network.mlp import MLP
from dqn_experiments.network.nature_cnn import NatureCNN


def test_nature_cnn_has_the_notebooks_weights() -> None:
    network = NatureCNN((4, 84, 84), 4, hidden=512)
    assert sum(weight.numel() for weight in network.parameters()) == 1_686_180
    assert network(torch.zeros(2, 4, 84, 84, dtype=torch.uint8)).shape == (2, 4)


def test_dueling_combines_its_streams_as_equation_9() -> None:
    network = Dueling((4, 84, 84), 6, hidden=16)
    pixels = torch.randint(256, (3, 4, 84, 84), dtype=torch.uint8)
    features = network.torso(pixels)
    value, advantage = network.value(features), network.advantage(features)
    for row in range(3):
        mean = sum(advantage[row].tolist()) / 6
        expected = [value[row].item() + a - mean for a in advantage[row].tolist()]
        assert network(pixels)[row].tolist() == pytest.approx(expected, abs=1e-5)


def test_bytes_are_scaled_and_numbers_are_not() -> None:
    network = MLP((1, 3), 2, hidden=[8])
    bytes_ = torch.tensor([[[0, 51, 255]]], dtype=torch.uint8)
    assert torch.allclose(network(bytes_), network(torch.tensor([[[0.0, 0.2, 1.0]]])))


@pytest.mark.parametrize("shape", [(4, 20, 20), (4, 84), (4,)])
def test_a_convolution_needs_a_screen(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="at least 36x36"):
        NatureCNN(shape, 4, hidden=8)
