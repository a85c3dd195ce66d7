"""Small networks of every kind."""

from functools import partial
from typing import Any

import torch
from torch import nn

from dqn_experiments.experience.spec import Implicit, NetworkSpec
from dqn_experiments.network.torso.data_efficient import DataEfficientCNN
from dqn_experiments.network.torso.impala import Impala
from dqn_experiments.network.torso.mlp import MLP
from dqn_experiments.network.torso.nature_cnn import NatureCNN
from dqn_experiments.network.torso_and_head import TorsoAndHead

SCREENS = (4, 84, 84)
NUM_ACTIONS = 4

TORSOS: dict[str, Any] = {
    "nature_cnn": NatureCNN,
    "same": partial(NatureCNN, padding="same"),
    "data_efficient": DataEfficientCNN,
    "impala": Impala,
    "btr": partial(Impala, width=2, max_pool=3, spectral_norm=True),
    "mlp": partial(MLP, hidden=[7, 5]),
}


def build(
    torso: Any,
    shape: tuple[int, ...],
    outputs: int = 1,
    implicit: Implicit | None = None,
    **changes: Any,
) -> TorsoAndHead:
    options = {"hidden": [512], "dueling": False, **changes}
    spec = NetworkSpec(shape, NUM_ACTIONS, outputs, implicit)
    return TorsoAndHead(spec, torso=torso, **options)


def weights(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def screens(batch: int, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, *shape), dtype=torch.uint8, generator=generator)
