"""Heads: features to a few numbers per action."""

from collections.abc import Sequence

from torch import Tensor, nn

from dqn_experiments.network.layers import Stream, share_bias, stream


class Head(nn.Module):
    """Rectified layers of the widths in `hidden`, then `outputs` numbers for each action.

    `stream` makes the layers; with `shared_bias` all actions have the same in the last one. Maps
    f32 [B, features] to f32 [B, num_actions, outputs].
    """

    def __init__(
        self,
        features: int,
        num_actions: int,
        outputs: int,
        hidden: Sequence[int],
        stream: Stream = stream,
        shared_bias: bool = False,
    ) -> None:
        super().__init__()
        self.layers = stream([features, *hidden, num_actions * outputs])
        if shared_bias:
            share_bias(self.layers[-1], num_actions)
        self._shape = num_actions, outputs

    def forward(self, features: Tensor) -> Tensor:
        """Numbers per action f32 [B, num_actions, outputs]."""
        return self.layers(features).unflatten(1, self._shape)


class DuelingHead(nn.Module):
    """Two streams, one for the state and one for the advantages of its actions, added up:

        V + A - mean(A)

    the mean over actions (Wang et al. 2016, equation 9), each of the `outputs` by itself. `stream`
    makes the layers of both. Maps f32 [B, features] to f32 [B, num_actions, outputs].
    """

    def __init__(
        self,
        features: int,
        num_actions: int,
        outputs: int,
        hidden: Sequence[int],
        stream: Stream = stream,
        shared_bias: bool = False,
    ) -> None:
        super().__init__()
        self.value = stream([features, *hidden, outputs])
        self.advantage = stream([features, *hidden, num_actions * outputs])
        if shared_bias:  # no loss: what all advantages have in common is subtracted
            share_bias(self.advantage[-1], num_actions)
        self._shape = num_actions, outputs

    def forward(self, features: Tensor) -> Tensor:
        """Numbers per action f32 [B, num_actions, outputs]."""
        advantage = self.advantage(features).unflatten(1, self._shape)
        value = self.value(features).unsqueeze(1)
        return value + advantage - advantage.mean(dim=1, keepdim=True)
