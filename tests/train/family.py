"""The switches of the DQN family, and few runs in which each meets each other one."""

from collections.abc import Iterable
from itertools import combinations
from random import Random

SWITCHES: dict[str, dict[str, tuple[str, ...]]] = {
    "agent": {
        "dqn": (),
        "c51": ("agent=c51", "agent.atoms=5", "agent.v_min=-1", "agent.v_max=1"),
        "qr_dqn": ("agent=qr_dqn", "agent.quantiles=5"),
        "iqn": (
            "agent=iqn",
            "agent.tau_samples=4",
            "agent.target_tau_samples=3",
            "agent.act_samples=5",
            "agent.cosines=6",
        ),
    },
    "torso": {
        "nature_cnn": (),
        "same": ("network.torso.padding=same",),
        "data_efficient": ("network/torso=data_efficient",),
        "impala": (
            "network/torso=impala",
            "network.torso.spectral_norm=true",
            "network.torso.max_pool=3",
        ),
    },
    "init": {
        "torch": (),
        "xavier_uniform": ("network.init=xavier_uniform",),
        "variance_scaling": ("network.init=variance_scaling",),
    },
    "double": {"off": (), "on": ("agent.double=true",)},
    "munchausen": {"off": (), "on": ("agent.munchausen=true",)},
    "dueling": {
        "off": (),
        "on": ("network.dueling=true",),
        "shared_hidden": ("network.dueling=true", "network.shared_hidden=true"),
    },
    "noisy": {
        "off": (),
        "on": ("network.noisy_sigma=0.5",),
        "truncated": ("network.noisy_sigma=0.5", "network.truncated_noise=true"),
    },
    "layer_norm": {"off": (), "on": ("network.layer_norm=true",)},
    "last_layer": {
        "plain": (),
        "shared": ("network.shared_bias=true", "network.torso_gradient=0.7"),
    },
    "augmentation": {"none": (), "random_shift": ("augmentation=random_shift",)},
    "optimizer": {
        "adam": (),
        "adamw": ("optimizer=adamw",),
        "radam": ("optimizer=radam", "optimizer.max_grad_norm=1"),
    },
    "buffer": {"uniform": (), "prioritized": ("buffer=prioritized",)},
    "n_step": {"1": (), "3": ("buffer.n_step=3",)},
    "target_unit": {"steps": (), "updates": ("agent.target_update_unit=updates",)},
    "target_mix": {"1": (), "0.3": ("agent.target_mix=0.3",)},
    "updates_at_once": {"1": (), "2": ("updates_at_once=2",)},
    "overlap_updates": {"off": (), "on": ("overlap_updates=true",)},
    "reset": {"off": (), "on": ("reset.every=36",)},
    "num_envs": {"1": (), "3": ("env.num_envs=3",)},
}
"""What can be chosen, and what a command line says for it; the first is what a run does anyway."""

APART = frozenset({("agent", "c51"), ("munchausen", "on")})
"""What does not go together."""

Level = tuple[str, str]
"""A switch and what is chosen there."""
Pair = frozenset[Level]


def pairs(chosen: Iterable[Level]) -> set[Pair]:
    """All pairs of what is chosen, but for that of one switch and of what is kept apart."""
    return {
        frozenset(pair)
        for pair in combinations(chosen, 2)
        if pair[0][0] != pair[1][0] and frozenset(pair) != APART
    }


def every_pair() -> set[Pair]:
    """Of all there is to choose."""
    return pairs((switch, level) for switch, levels in SWITCHES.items() for level in levels)


def covering(seed: int) -> list[dict[str, str]]:
    """Runs, each a choice at every switch, in which every pair is there; not the fewest, but few.

    Each begins with a pair that is left, and adds what makes the most of those left with what it
    has; between equals `seed` decides.
    """
    draw, left, runs = Random(seed), every_pair(), []
    while left:
        chosen = dict(draw.choice(sorted(sorted(pair) for pair in left)))
        switches = [switch for switch in SWITCHES if switch not in chosen]
        for switch in draw.sample(switches, len(switches)):
            levels = [
                level
                for level in SWITCHES[switch]
                if not any(frozenset({(switch, level), other}) == APART for other in chosen.items())
            ]
            chosen[switch] = max(
                levels,
                key=lambda level: (
                    len(left & pairs([*chosen.items(), (switch, level)])),
                    draw.random(),
                ),
            )
        left -= pairs(chosen.items())
        runs.append({switch: chosen[switch] for switch in SWITCHES})
    return runs


def overrides(chosen: dict[str, str]) -> list[str]:
    """What is chosen, as a command line has it."""
    return [each for switch, level in chosen.items() for each in SWITCHES[switch][level]]


def label(chosen: dict[str, str]) -> str:
    """What differs from a run without any switch."""
    other = [
        f"{switch}:{level}"
        for switch, level in chosen.items()
        if level != next(iter(SWITCHES[switch]))
    ]
    return ",".join(other) or "plain"
