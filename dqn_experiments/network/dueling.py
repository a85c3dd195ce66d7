"""The dueling network of Wang et al. 2016."""

from torch import Tensor, nn

from dqn_experiments.constraints import Count
from dqn_experiments.network.torso import NatureTorso


class Dueling(nn.Module):
    """Separate streams for the state value and the advantages: Q = V + A - mean(A) (equation 9).

    Maps u8 [B, K, H, W] to action values f32 [B, num_actions].
    """

    accepts = frozenset({"image"})

    def __init__(
        self, observation_shape: tuple[int, ...], num_actions: int, /, *, hidden: Count
    ) -> None:
        super().__init__()
        self.torso = NatureTorso(observation_shape)

        def stream(outputs: int) -> nn.Sequential:
            features = self.torso.features
            return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

        self.value = stream(1)
        self.advantage = stream(num_actions)

    def forward(self, observation: Tensor) -> Tensor:
        """Action values f32 [B, num_actions]."""
        features = self.torso(observation)
        advantage: Tensor = self.advantage(features)
        value: Tensor = self.value(features)
        return value + advantage - advantage.mean(dim=1, keepdim=True)
