"""Every network: a torso that sees and a head that answers."""

from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from dqn_experiments.config.constraints import Count, Positive, PositiveUnit, Torso
from dqn_experiments.experience.spec import NetworkSpec
from dqn_experiments.network.head import DuelingHead, Head
from dqn_experiments.network.implicit import QuantileEmbedding
from dqn_experiments.network.init import Init, redraw
from dqn_experiments.network.layers import rectified, scaled_gradient, stream
from dqn_experiments.network.noisy import NoisyLinear


def _several(widths: object) -> object:
    """One number stands for one layer."""
    return [widths] if isinstance(widths, int) else widths


Widths = Annotated[list[Count], Field(min_length=1), BeforeValidator(_several)]


class TorsoAndHead(nn.Module):
    """Maps observations [B, K, *frame] to f32 [B, num_actions, outputs].

    With the torso and the head of Mnih et al. 2015 it has 1,686,180 weights for 84x84 screens, 4
    frames, 4 actions and one output. For a rule with implicit quantiles the torso's features are
    those of each quantile to the head (`QuantileEmbedding`), whose layer is never noisy.

    Args:
        spec: the sizes it is built for.
        torso: what sees.
        hidden: widths of the head's layers.
        dueling: two streams in the head.
        shared_hidden: the streams share those layers, and each has a last one of its own.
        noisy_sigma: sigma_0 of the head's layers, all of which are noisy then; None: none is.
        truncated_noise: noise that stays within two standard deviations.
        layer_norm: normalise before a layer of the head is rectified.
        shared_bias: the last layer of the head has one bias for all actions.
        torso_gradient: share of the head's gradient that reaches the torso.
        init: what draws the weights that are not noisy.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        /,
        *,
        torso: Torso,
        hidden: Widths,
        dueling: bool,
        shared_hidden: bool = False,
        noisy_sigma: Positive | None = None,
        truncated_noise: bool = False,
        layer_norm: bool = False,
        shared_bias: bool = False,
        torso_gradient: PositiveUnit = 1.0,
        init: Init = "torch",
    ) -> None:
        super().__init__()
        self.torso = torso(spec.observation_shape)
        features: int = self.torso.features
        linear = (
            partial(NoisyLinear, sigma=noisy_sigma, truncated=truncated_noise)
            if noisy_sigma
            else nn.Linear
        )
        shared, own = (hidden, []) if shared_hidden else ([], hidden)
        before = rectified([features, *shared], linear, layer_norm)
        layers = partial(stream, linear=linear, layer_norm=layer_norm)
        head = (DuelingHead if dueling else Head)(
            [features, *shared][-1], spec.num_actions, spec.outputs, own, layers, shared_bias
        )
        self.head = nn.Sequential(*before, head) if before else head
        self._torso_gradient = torso_gradient
        self.embedding = QuantileEmbedding(features, spec.implicit) if spec.implicit else None
        redraw(self, init)

    def forward(self, observation: Tensor, tau: Tensor | None = None) -> Tensor:
        """Numbers per action f32 [B, num_actions, outputs].

        With implicit quantiles: f32 [B, num_actions, N], those at `tau` f32 [B, N]; without `tau`
        at as many as the rule acts with, drawn uniformly.
        """
        features = scaled_gradient(self.torso(observation), self._torso_gradient)
        if self.embedding is None:
            return self.head(features)
        embedded = self.embedding(features, tau)
        quantiles = self.head(embedded.flatten(0, 1)).squeeze(2)
        return quantiles.unflatten(0, embedded.shape[:2]).transpose(1, 2)
