"""Switching a network between training and evaluation, and noise that explores on and off."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


class Modes:
    """Does what `network.train()` and `network.eval()` do, for a twentieth of their time.

    They look at every attribute they set, which takes a small network as long as acting does. The
    network is in evaluation mode except within `training()`.
    """

    def __init__(self, network: nn.Module) -> None:
        network.train()
        self._training = [(vars(module), module.training) for module in network.modules()]
        network.eval()
        self._evaluation = [(vars(module), module.training) for module in network.modules()]

    @contextmanager
    def training(self) -> Iterator[None]:
        """In training mode for a while."""
        for attributes, mode in self._training:
            attributes["training"] = mode
        try:
            yield
        finally:
            for attributes, mode in self._evaluation:
                attributes["training"] = mode


def noisy_modules(network: nn.Module) -> list[Any]:
    """Those that explore by noise while their `exploring` is set, as noisy layers do."""
    return [module for module in network.modules() if hasattr(module, "exploring")]


@contextmanager
def exploring(modules: Iterable[Any]) -> Iterator[None]:
    """With noise for a while."""
    for module in modules:
        module.exploring = True
    try:
        yield
    finally:
        for module in modules:
            module.exploring = False
