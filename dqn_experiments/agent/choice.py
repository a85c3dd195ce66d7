"""Which action's numbers count."""

import torch
from torch import Tensor, nn


def of_action(output: Tensor, action: Tensor) -> Tensor:
    """The numbers [B, n] that an output [B, A, n] has for actions i64 [B]."""
    index = action[:, None, None].expand(-1, 1, output.shape[2])
    return output.gather(1, index).squeeze(1)


def of_greedy(output: Tensor, values: Tensor) -> Tensor:
    """The numbers [B, n] that an output [B, A, n] has for the actions of the highest `values`.

    `values` f32 [B, A] may be another network's.
    """
    return of_action(output, values.argmax(dim=1))


@torch.no_grad()
def next_outputs(
    network: nn.Module, target_network: nn.Module, observation: Tensor, double: bool
) -> tuple[Tensor, Tensor]:
    """What the target network makes of an observation, and the output that chooses there.

    The latter is the same or, with `double`, the online network's (van Hasselt et al. 2016).
    """
    output = target_network(observation)
    return output, network(observation) if double else output
