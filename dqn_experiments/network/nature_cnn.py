"""The network of Mnih et al. 2015."""

from torch import Tensor, nn

from dqn_experiments.constraints import Count
from dqn_experiments.network.torso import NatureTorso


class NatureCNN(nn.Module):
    """Three convolutions, one hidden layer, one output per action.

    Maps u8 [B, K, H, W] to action values f32 [B, num_actions]; 1,686,180 weights for 84x84
    screens, 4 frames and 4 actions.
    """

    accepts = frozenset({"image"})

    def __init__(
        self, observation_shape: tuple[int, ...], num_actions: int, /, *, hidden: Count
    ) -> None:
        super().__init__()
        self.torso = NatureTorso(observation_shape)
        self.head = nn.Sequential(
            nn.Linear(self.torso.features, hidden), nn.ReLU(), nn.Linear(hidden, num_actions)
        )

    def forward(self, observation: Tensor) -> Tensor:
        """Action values f32 [B, num_actions]."""
        return self.head(self.torso(observation))
