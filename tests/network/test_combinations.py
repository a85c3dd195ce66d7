"""Every torso with every switch: sizes counted by hand, weights as they ever were."""

from itertools import product
from typing import Any

import pytest
import torch
from torch import nn

from dqn_experiments.config.components import build_network
from dqn_experiments.config.compose import composed
from dqn_experiments.experience.spec import Implicit, NetworkSpec
from dqn_experiments.network.head import DuelingHead, Head
from dqn_experiments.network.noisy import NoisyLinear
from tests.network.building import NUM_ACTIONS, SCREENS, TORSOS, build, screens, weights

SMALL = (2, 40, 44)

# (inputs, filters, size) of each convolution, widths of the norms, features of SMALL
UNIT_16, UNIT_32, UNIT_64 = [(16, 16, 3)] * 4, [(32, 32, 3)] * 4, [(64, 64, 3)] * 4
NATURE = [(2, 32, 8), (32, 64, 4), (64, 64, 3)]
CONVOLUTIONS: dict[str, tuple[list[tuple[int, int, int]], list[int], int]] = {
    "nature_cnn": (NATURE, [32, 64, 64], 64 * 1 * 2),
    "same": (NATURE, [32, 64, 64], 64 * 5 * 6),
    "data_efficient": ([(2, 32, 5), (32, 64, 5)], [32, 64], 64),
    "impala": (
        [(2, 16, 3), *UNIT_16, (16, 32, 3), *UNIT_32, (32, 32, 3), *UNIT_32],
        [16] * 4 + [32] * 9,
        32 * 5 * 6,
    ),
    "btr": (
        [(2, 32, 3), *UNIT_32, (32, 64, 3), *UNIT_64, (64, 64, 3), *UNIT_64],
        [32] * 4 + [64] * 9,
        64 * 3 * 3,
    ),
}


def linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def of_torso(name: str, layer_norm: bool) -> tuple[int, int]:
    """Weights and features."""
    if name == "mlp":
        return linear(2 * 40 * 44, 7) + linear(7, 5) + layer_norm * 2 * (7 + 5), 5
    filters, norms, features = CONVOLUTIONS[name]
    count = sum(inputs * number * size**2 + number for inputs, number, size in filters)
    return count + layer_norm * 2 * sum(norms), features


@pytest.mark.parametrize("name", TORSOS)
def test_every_combination_has_its_shape_and_its_weights(name: str) -> None:
    choices = [False, True]
    for layer_norm, dueling, noisy, implicit in product(choices, repeat=4):
        outputs = 1 if implicit else 3
        network = build(
            lambda shape, layer_norm=layer_norm: TORSOS[name](shape, layer_norm=layer_norm),
            SMALL,
            outputs,
            Implicit(6, 1, 5) if implicit else None,
            hidden=[9, 8],
            dueling=dueling,
            noisy_sigma=0.5 if noisy else None,
            layer_norm=layer_norm,
        )
        found = network(screens(2, SMALL))
        assert found.shape == (2, NUM_ACTIONS, 5 if implicit else 3)
        assert found.isfinite().all()
        found.sum().backward()
        assert all(weight.grad is not None for weight in network.parameters())
        of_it, features = of_torso(name, layer_norm)
        hidden = linear(features, 9) + linear(9, 8)
        streams = [outputs, NUM_ACTIONS * outputs] if dueling else [NUM_ACTIONS * outputs]
        of_it += (1 + noisy) * sum(hidden + linear(8, width) for width in streams)
        of_it += layer_norm * len(streams) * 2 * (9 + 8) + implicit * linear(6, features)
        assert weights(network) == of_it


@pytest.mark.parametrize(
    ("overrides", "outputs", "implicit", "count"),
    [
        (["network=nature_cnn"], 1, None, 1_686_180),
        # 7,744 features: 77,984 + 3,965,440 + 2,052
        (["network=nature_cnn", "network.torso.padding=same"], 1, None, 4_045_476),
        # 3 less (DQN Zoo's Double DQN)
        (["network=nature_cnn", "network.shared_bias=true"], 1, None, 1_686_177),
        # two for each of 32 + 64 + 64 + 512 units more (PQN)
        (["network=nature_cnn", "network.layer_norm=true"], 1, None, 1_687_524),
        # 65 for each of 3,136 features more (IQN)
        (["network=nature_cnn"], 1, Implicit(64, 1, 32), 1_890_020),
        # 77,984 + 2 (2 x 1,606,144 + 513 x 51 + 513 x 204) (Rainbow)
        (["network=noisy", "network.dueling=true"], 51, None, 6_764_190),
        # 54,496 + 2 (2 x 147,712 + 257 x 51 + 257 x 204) (DER)
        (["network=data_efficient"], 51, None, 776_414),
        # 77,984 + 3,965,440 + 513 x 5 (DrQ in Dopamine)
        (
            ["network=dueling", "network.shared_hidden=true", "network.torso.padding=same"],
            *(1, None, 4_045_989),
        ),
        # 592 + 9,280 + 4,640 + 36,992 + 46,240 + 991,488 + 1,028
        (["network=impala"], 1, None, 1_090_260),
        # 389,024 + 65 x 2,304 + 2 (2 x 1,180,160 + 513 + 513 x 4) (BTR)
        (
            [
                "network=impala",
                "network.torso.width=2",
                "network.torso.max_pool=6",
                "network.torso.spectral_norm=true",
                "network.hidden=512",
                "network.dueling=true",
                "network.noisy_sigma=0.5",
            ],
            1,
            Implicit(64, 0, 8),
            5_264_554,
        ),
    ],
)
def test_known_networks_have_their_weights(
    overrides: list[str], outputs: int, implicit: Implicit | None, count: int
) -> None:
    spec = NetworkSpec(SCREENS, NUM_ACTIONS, outputs, implicit)
    assert weights(build_network(composed(*overrides), spec)) == count


def test_the_large_impala_has_fifteen_convolutions() -> None:
    network = build_network(composed("network=impala"), NetworkSpec(SCREENS, NUM_ACTIONS, 1))
    assert sum(isinstance(module, nn.Conv2d) for module in network.modules()) == 15


@pytest.mark.parametrize("name", sorted(set(TORSOS) - {"mlp"}))
def test_filters_lie_channels_last_which_a_cpu_is_fastest_with(name: str) -> None:
    filters = [weight for weight in TORSOS[name](SCREENS).parameters() if weight.dim() == 4]
    assert filters
    for weight in filters:
        assert weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dueling", [False, True])
def test_default_networks_draw_what_they_always_drew(dueling: bool) -> None:
    torch.manual_seed(4)
    network = build_network(
        composed("network=nature_cnn", f"network.dueling={str(dueling).lower()}"),
        NetworkSpec(SCREENS, NUM_ACTIONS, 3),
    )
    after = torch.get_rng_state()
    torch.manual_seed(4)
    by_hand: list[Any] = [
        nn.Conv2d(4, 32, 8, 4),
        nn.Conv2d(32, 64, 4, 2),
        nn.Conv2d(64, 64, 3, 1),
    ]
    for outputs in (3, 12) if dueling else (12,):
        by_hand += [nn.Linear(3_136, 512), nn.Linear(512, outputs)]
    assert torch.equal(torch.get_rng_state(), after)
    drawn = [weight for layer in by_hand for weight in (layer.weight, layer.bias)]
    for weight, expected in zip(network.parameters(), drawn, strict=True):
        assert torch.equal(weight, expected)


@pytest.mark.parametrize(
    ("overrides", "in_torso", "in_head"),
    [
        ([], False, False),
        (["network.layer_norm=true"], True, True),
        (["network.layer_norm=true", "network.torso.layer_norm=false"], False, True),
        (["network.torso.layer_norm=true"], True, False),
    ],
)
@pytest.mark.parametrize("torso", ["nature_cnn", "data_efficient", "impala", "mlp"])
def test_layer_norm_is_one_switch_unless_the_torso_has_its_own(
    torso: str, overrides: list[str], in_torso: bool, in_head: bool
) -> None:
    hidden = ["network.torso.hidden=[5]"] if torso == "mlp" else []
    config = composed(f"network/torso={torso}", *hidden, *overrides)
    network = build_network(config, NetworkSpec(SCREENS, NUM_ACTIONS, 1))
    for part, expected in ((network.torso, in_torso), (network.head, in_head)):
        norms = [module for module in part.modules() if isinstance(module, nn.LayerNorm)]  # type: ignore[union-attr]
        assert bool(norms) == expected


def test_a_layer_of_a_head_is_normalised_before_it_is_rectified() -> None:
    for dueling in (False, True):
        network = build(TORSOS["mlp"], (1, 3), hidden=[6, 4], dueling=dueling, layer_norm=True)
        head = network.head
        streams: list[Any] = (
            [head.layers] if isinstance(head, Head) else [head.value, head.advantage]
        )
        assert isinstance(head, DuelingHead) == dueling
        kinds = [nn.Linear, nn.LayerNorm, nn.ReLU]
        for stream in streams:
            assert [type(layer) for layer in stream] == [*kinds, *kinds, nn.Linear]
            assert [stream[i].normalized_shape for i in (1, 4)] == [(6,), (4,)]


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("init", ["torch", "xavier_uniform"])
def test_a_bias_is_shared_by_all_actions(noisy: bool, init: Any) -> None:
    """And so are its gradients, and the scale of its noise."""
    options = {"noisy_sigma": 0.5 if noisy else None, "init": init, "hidden": [9]}
    network = build(TORSOS["mlp"], (3, 4), outputs=2, shared_bias=True, **options)
    last: Any = network.head.get_submodule("layers.2")
    for name in ("bias", "bias_sigma") if noisy else ("bias",):
        bias = getattr(last, name).unflatten(0, (NUM_ACTIONS, 2))
        assert (bias == bias[0]).all()
        assert (bias != 0).all() == (init == "torch" or noisy)
    network.eval()
    network(torch.rand(5, 3, 4)).sum().backward()
    shared = last.parametrizations.bias.original
    assert shared.shape == (2,)
    assert (shared.grad == 5 * NUM_ACTIONS).all()


@pytest.mark.parametrize("dueling", [False, True])
def test_the_torso_learns_from_a_share_of_the_gradient(dueling: bool) -> None:
    gradients = []
    for share in (1.0, 0.25):
        torch.manual_seed(1)
        network = build(TORSOS["mlp"], (3, 4), dueling=dueling, torso_gradient=share)
        output = network(torch.ones(2, 3, 4))
        output.square().sum().backward()
        gradients.append({name: each.grad for name, each in network.named_parameters()})
    for name, whole in gradients[0].items():
        found, share = gradients[1][name], 0.25 if name.startswith("torso.") else 1
        assert whole is not None
        assert whole.any()
        torch.testing.assert_close(found, share * whole, rtol=0, atol=0)


def test_presets_are_noisy_as_they_say() -> None:
    for overrides, sigma in (
        (["network=noisy"], 0.5),
        (["network=data_efficient"], 0.1),
        (["network=impala"], None),
        (["network=nature_cnn"], None),
    ):
        network = build_network(composed(*overrides), NetworkSpec(SCREENS, NUM_ACTIONS, 1))
        spreads = [
            layer.bias_sigma[0].item() * layer.in_features**0.5
            for layer in network.modules()
            if isinstance(layer, NoisyLinear)
        ]
        assert spreads == pytest.approx([sigma] * len(spreads))
        assert bool(spreads) == (sigma is not None)
