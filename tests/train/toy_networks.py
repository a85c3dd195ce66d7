"""Networks that make it visible who uses them, and how; and the least that an optimizer can be."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from dqn_experiments.experience.spec import NetworkSpec


class Noisy(nn.Module):
    """Draws noise at every use, in evaluation mode too."""

    def __init__(self, spec: NetworkSpec, /) -> None:
        super().__init__()
        self.layer = nn.Linear(spec.observation_shape[-1], spec.num_actions * spec.outputs)
        self._shape = spec.num_actions, spec.outputs

    def forward(self, observation: Tensor) -> Tensor:
        values = self.layer(observation.flatten(1).float()).unflatten(1, self._shape)
        return values + 0.1 * torch.randn(values.shape)


class Normalised(Noisy):
    """Has buffers that move at every use in training mode: running means and spectral norms."""

    def __init__(self, spec: NetworkSpec, /) -> None:
        super().__init__(spec)
        nn.utils.parametrizations.spectral_norm(self.layer)  # in place
        self.means = nn.BatchNorm1d(spec.observation_shape[-1])

    def forward(self, observation: Tensor) -> Tensor:
        values = self.layer(self.means(observation.flatten(1).float()))
        return values.unflatten(1, self._shape)


class Frozen(nn.Identity):
    """Is never in training mode."""

    def train(self, mode: bool = True) -> "Frozen":
        return super().train(False)


class Watching(Noisy):
    """Writes down in which modes it and a part of it are at every use."""

    def __init__(self, spec: NetworkSpec, /) -> None:
        super().__init__(spec)
        self.frozen = Frozen()
        self.modes: list[tuple[bool, bool]] = []

    def forward(self, observation: Tensor) -> Tensor:
        self.modes.append((self.training, self.frozen.training))
        return super().forward(observation)


class Descent(torch.optim.SGD):
    """Has nothing but what torch gives it."""

    def __init__(self, params: Iterable[nn.Parameter], /) -> None:
        super().__init__(params, lr=0.1)
