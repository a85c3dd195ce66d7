"""Every network: a torso that sees and a head that answers."""

from typing import Annotated

from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from dqn_experiments.config.constraints import Count, Torso
from dqn_experiments.experience.spec import NetworkSpec
from dqn_experiments.network.head import DuelingHead, Head


def _several(widths: object) -> object:
    """One number stands for one layer."""
    return [widths] if isinstance(widths, int) else widths


Widths = Annotated[list[Count], Field(min_length=1), BeforeValidator(_several)]


class TorsoAndHead(nn.Module):
    """Maps observations [B, K, *frame] to f32 [B, num_actions, outputs].

    With the torso and the head of Mnih et al. 2015 it has 1,686,180 weights for 84x84 screens, 4
    frames, 4 actions and one output.
    """

    def __init__(
        self, spec: NetworkSpec, /, *, torso: Torso, hidden: Widths, dueling: bool
    ) -> None:
        super().__init__()
        self.torso = torso(spec.observation_shape)
        head = DuelingHead if dueling else Head
        self.head = head(self.torso.features, spec.num_actions, spec.outputs, hidden)

    def forward(self, observation: Tensor) -> Tensor:
        """Numbers per action f32 [B, num_actions, outputs]."""
        return self.head(self.torso(observation))
