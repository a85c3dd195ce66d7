"""Implicit quantiles against the equations of Dabney et al. 2018b, number by number."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dqn_experiments.experience.spec import Implicit
from dqn_experiments.network.noisy import NoisyLinear
from dqn_experiments.network.torso.mlp import MLP
from dqn_experiments.network.torso_and_head import TorsoAndHead
from tests.network import slow_network as slow
from tests.network.building import NUM_ACTIONS, build

OBSERVATION = (1, 6)
IMPLICIT = Implicit(cosines=8, first=1, samples=5)


def network(implicit: Implicit = IMPLICIT, **changes: Any) -> TorsoAndHead:
    torch.manual_seed(0)
    options = {"hidden": [7], **changes}
    return build(lambda shape: MLP(shape, hidden=[9]), OBSERVATION, implicit=implicit, **options)


def quantile(values: dict[str, slow.Array], x: slow.Array, tau: float, first: int) -> slow.Array:
    """Of every action, f64 [A]."""

    def layer(name: str, features: slow.Array) -> slow.Array:
        return slow.linear(features, values[f"{name}.weight"], values[f"{name}.bias"])

    def stream(name: str, features: slow.Array) -> slow.Array:
        return layer(f"{name}.2", slow.rectified(layer(f"{name}.0", features)))

    embedding = values["embedding.linear.weight"], values["embedding.linear.bias"]
    features = slow.rectified(layer("torso.layers.0", x))
    features = features * slow.embedding(tau, *embedding, first)
    if "head.layers.0.weight" in values:
        return stream("head.layers", features)
    advantage = stream("head.advantage", features)
    return stream("head.value", features) + advantage - advantage.mean()


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("dueling", [False, True])
def test_quantiles_are_those_of_the_paper(dueling: bool, first: int) -> None:
    net = network(IMPLICIT._replace(first=first), dueling=dueling)
    values = slow.parameters(net)
    x, tau = torch.randn(3, *OBSERVATION), torch.rand(3, 4)
    found = net(x, tau)
    assert found.shape == (3, NUM_ACTIONS, 4)
    for b, n in np.ndindex(3, 4):
        expected = quantile(values, x[b].flatten().double().numpy(), tau[b, n].item(), first)
        assert found[b, :, n].tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_gradients_are_finite_differences() -> None:
    net = network(dueling=True, noisy_sigma=0.5)
    assert net.embedding is not None
    net.embedding.double()
    net.head.double()
    x, tau = torch.randn(2, *OBSERVATION), torch.rand(2, 3).double()
    mix, weight = torch.randn(2, NUM_ACTIONS, 3).double(), net.embedding.linear.weight

    def total() -> Tensor:
        torch.manual_seed(1)  # of the noise
        return (net(x, tau) * mix).sum()

    total().backward()
    for index in np.ndindex(9, 8):
        sides = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[index] += step
                sides.append(total().item())
                weight[index] -= step
        difference = (sides[0] - sides[1]) / 2e-5
        assert weight.grad is not None
        assert weight.grad[index].item() == pytest.approx(difference, abs=1e-6)


def test_without_fractions_it_draws_its_own() -> None:
    net = network()
    x = torch.randn(400, *OBSERVATION)
    taus: list[Tensor] = []
    embedding = net.embedding
    assert embedding is not None
    embedding.linear.register_forward_pre_hook(lambda _, given: taus.append(given[0]))
    torch.manual_seed(3)
    found = net(x)
    assert found.shape == (400, NUM_ACTIONS, 5)
    torch.manual_seed(3)
    assert torch.equal(found, net(x, torch.rand(400, 5)))
    tau = torch.acos(taus[0][..., 0]) / torch.pi  # of the first cosine, cos(pi tau)
    assert tau.unique().numel() > 1_900  # each of its own
    counts = torch.histc(tau, 20, 0, 1)
    assert ((counts - 100) ** 2 / 100).sum() < 43.8  # 19 degrees of freedom, 1 in 1,000
    assert not torch.equal(net(x), found)
    assert torch.equal(net.eval()(x, tau), net(x, tau))


def test_the_torso_and_the_head_are_used_once() -> None:
    net = network()
    used: list[tuple[str, tuple[int, ...]]] = []
    for name, module in (("torso", net.torso), ("head", net.head)):
        module.register_forward_pre_hook(
            lambda _, given, name=name: used.append((name, tuple(given[0].shape)))
        )
    net(torch.randn(3, *OBSERVATION), torch.rand(3, 4))
    assert used == [("torso", (3, *OBSERVATION)), ("head", (12, 9))]


def test_the_embedding_is_not_noisy_and_all_quantiles_share_the_noise_of_the_head() -> None:
    net = network(noisy_sigma=0.5)
    assert net.embedding is not None
    assert not any(isinstance(module, NoisyLinear) for module in net.embedding.modules())
    row, tau = torch.randn(1, *OBSERVATION), torch.rand(1, 1)
    found = net(row.expand(3, -1, -1), tau.expand(3, 2))
    assert torch.allclose(found, found[:1, :, :1])
    assert not torch.allclose(found, net(row, tau))


def test_weights_of_torso_and_head_are_those_without_an_embedding() -> None:
    with_it = network()
    torch.manual_seed(0)
    without = build(lambda shape: MLP(shape, hidden=[9]), OBSERVATION, hidden=[7])
    state = with_it.state_dict()
    for name, value in without.state_dict().items():
        assert torch.equal(state[name], value)
    new = {"embedding.linear.weight", "embedding.linear.bias"}
    assert set(state) - set(without.state_dict()) == new
