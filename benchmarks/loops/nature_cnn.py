"""The network of Mnih et al. 2015 as one writes it down."""

from torch import nn


def nature_cnn(num_actions: int) -> nn.Sequential:
    """As the notebook writes it; bytes come in as they are."""
    return nn.Sequential(
        *(nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3, 1), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, num_actions)),
    )
