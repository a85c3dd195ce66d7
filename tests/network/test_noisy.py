"""Noisy layers against the equations of Fortunato et al. 2018."""

from math import erf, sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dqn_experiments.network.noisy import NoisyLinear
from dqn_experiments.run.tensors import load_tensors, save_tensors
from tests.network.building import build, weights

INPUTS, OUTPUTS = 40, 60
BINS = 20
CHI_SQUARE = 43.8
"""Exceeded by one in a thousand of such sums with 19 degrees of freedom."""

Array = NDArray[np.float64]


def layer(truncated: bool = False) -> NoisyLinear:
    torch.manual_seed(0)
    return NoisyLinear(INPUTS, OUTPUTS, sigma=0.5, truncated=truncated)


def bare(truncated: bool = False) -> NoisyLinear:
    """One whose weights are the noise itself."""
    noisy = layer(truncated).double()
    for name, weight in noisy.named_parameters():
        torch.nn.init.constant_(weight, float("sigma" in name))
    return noisy


def seen(noisy: NoisyLinear) -> tuple[Array, Array]:
    """Weights [outputs, inputs] and bias [outputs] of one forward of a batch."""
    rows = torch.cat([torch.zeros(1, INPUTS), torch.eye(INPUTS)]).double()
    output = noisy(rows).detach().numpy()
    return (output[1:] - output[0]).T, output[0]


@pytest.mark.parametrize("truncated", [False, True])
def test_noise_is_factorised_and_gaussian(truncated: bool) -> None:
    noisy, inputs, outputs = bare(truncated), [], []
    for _ in range(200):
        weight, bias = seen(noisy)
        factors = weight / bias[:, None]
        assert np.allclose(factors, factors[0])  # f(e_out) f(e_in)^T, and the bias is f(e_out)
        inputs.append(factors[0])
        outputs.append(bias)
    limit = 2 if truncated else np.inf
    density = 2 * NormalDist().pdf(2) * 2 / erf(sqrt(2)) if truncated else 0
    for factor in (np.concatenate(inputs), np.concatenate(outputs)):
        noise = np.sign(factor) * factor**2
        assert abs(noise).max() < limit
        assert noise.mean() == pytest.approx(0, abs=0.04)
        assert noise.var() == pytest.approx(1 - density, rel=0.05)
        mass = erf(limit / sqrt(2))
        shares = (0.5 + (np.arange(1, BINS) / BINS - 0.5) * mass).tolist()
        edges = [-np.inf, *(NormalDist().inv_cdf(share) for share in shares), np.inf]
        counts, expected = np.histogram(noise, edges)[0], len(noise) / BINS
        assert ((counts - expected) ** 2 / expected).sum() < CHI_SQUARE
    drawn = np.concatenate([np.array(inputs), np.array(outputs)], axis=1)
    correlation = np.corrcoef(drawn.T) - np.eye(INPUTS + OUTPUTS)
    assert abs(correlation).max() < 5 / sqrt(200)


def test_output_and_gradients_follow_equations_10_and_11() -> None:
    noisy = layer().double()
    x, upstream = torch.randn(3, INPUTS).double(), torch.randn(3, OUTPUTS).double()
    torch.manual_seed(1)
    output = noisy(x)
    output.backward(upstream)
    torch.manual_seed(1)
    drawn = torch.empty(INPUTS).double().normal_(), torch.empty(OUTPUTS).double().normal_()
    into, out = ([np.sign(e) * abs(e) ** 0.5 for e in one.tolist()] for one in drawn)
    mu, mu_bias, sigma, sigma_bias = (p.detach().numpy() for p in noisy.parameters())
    gradients = [np.zeros_like(each) for each in (mu, mu_bias, sigma, sigma_bias)]
    for row in range(3):
        for j in range(OUTPUTS):
            expected = mu_bias[j] + sigma_bias[j] * out[j]
            g = upstream[row, j].item()
            gradients[1][j] += g
            gradients[3][j] += g * out[j]
            for i in range(INPUTS):
                value = x[row, i].item()
                expected += (mu[j, i] + sigma[j, i] * out[j] * into[i]) * value
                gradients[0][j, i] += g * value
                gradients[2][j, i] += g * value * out[j] * into[i]
            assert output[row, j].item() == pytest.approx(expected, abs=1e-9)
    for parameter, by_hand in zip(noisy.parameters(), gradients, strict=True):
        assert parameter.grad is not None
        assert np.allclose(parameter.grad.numpy(), by_hand, atol=1e-9)


def test_it_begins_as_section_3_2_says() -> None:
    torch.manual_seed(0)
    noisy = NoisyLinear(400, 300, sigma=0.1)
    for mu in (noisy.weight.detach(), noisy.bias.detach()):
        assert mu.abs().max() <= 1 / 20
        assert mu.mean().item() == pytest.approx(0, abs=0.005)
        assert mu.var().item() == pytest.approx(1 / 400 / 3, rel=0.1)
    for sigma in (noisy.weight_sigma, noisy.bias_sigma):
        assert torch.all(sigma == torch.tensor(0.1 / 20))
    assert (noisy.weight_sigma.shape, noisy.bias_sigma.shape) == ((300, 400), (300,))


@pytest.mark.parametrize("exploring", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_noise_is_drawn_at_each_forward_in_training_or_exploring(
    training: bool, exploring: bool
) -> None:
    noisy = layer()
    assert not noisy.exploring
    noisy.train(training).exploring = exploring
    x = torch.randn(2, INPUTS)
    before = torch.get_rng_state()
    first, second = noisy(x), noisy(x)
    drew = not torch.equal(torch.get_rng_state(), before)
    mean = torch.nn.functional.linear(x, noisy.weight, noisy.bias)
    assert drew == (training or exploring)
    assert torch.equal(first, second) != (training or exploring)
    assert torch.equal(first, mean) != (training or exploring)


@pytest.mark.parametrize("dueling", [False, True])
def test_all_layers_of_a_head_are_noisy_and_no_others(dueling: bool) -> None:
    changes: Any = {"hidden": [6, 5], "dueling": dueling}
    torch.manual_seed(0)
    plain = build(lambda shape: torch_layer(), (1, 3), **changes)
    torch.manual_seed(0)
    noisy = build(lambda shape: torch_layer(), (1, 3), **changes, noisy_sigma=0.2)
    kinds = [type(module) for module in noisy.modules() if isinstance(module, torch.nn.Linear)]
    assert kinds == [torch.nn.Linear] + [NoisyLinear] * (6 if dueling else 3)
    assert weights(noisy.head) == 2 * weights(plain.head)
    x = torch.randn(2, 1, 3)
    assert not torch.equal(noisy(x), plain(x))
    assert torch.equal(noisy.eval()(x), plain.eval()(x))  # the mean weights, from the same draws
    for module in noisy.head.modules():
        if isinstance(module, NoisyLinear):
            spread = 0.2 / sqrt(module.in_features)
            assert module.weight_sigma[0, 0].item() == pytest.approx(spread)


def torch_layer() -> torch.nn.Module:
    torso = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 8))
    torso.features = 8  # type: ignore[assignment]
    return torso


def test_truncated_noise_is_a_switch_of_the_network() -> None:
    for truncated in (False, True):
        network = build(
            lambda shape: torch_layer(), (1, 3), noisy_sigma=0.1, truncated_noise=truncated
        )
        (first, *_) = [each for each in network.modules() if isinstance(each, NoisyLinear)]
        torch.nn.init.constant_(first.weight, 0)
        torch.nn.init.constant_(first.bias, 0)
        torch.nn.init.constant_(first.bias_sigma, 1)
        largest = max(first(torch.zeros(1, 8)).abs().max().item() for _ in range(20))
        assert (largest <= sqrt(2)) == truncated


def test_a_checkpoint_brings_it_back(tmp_path: Path) -> None:
    noisy, other = layer(), NoisyLinear(INPUTS, OUTPUTS, sigma=0.1)
    save_tensors(noisy.state_dict())(tmp_path / "network.pt")
    other.load_state_dict(load_tensors(tmp_path / "network.pt"))
    x, outputs = torch.randn(2, INPUTS), []
    for each in (noisy, other):
        torch.manual_seed(2)
        outputs.append(each(x))
    assert torch.equal(*outputs)
