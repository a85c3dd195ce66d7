"""Every agent of the family learns Catch: its parts do together what each is for."""

import time
from pathlib import Path

import pytest

from dqn_experiments.train.start import train
from tests.catch.config import catch

COMMON = (
    "env.num_envs=2",
    "network.hidden=64",
    "total_steps=8000",
    "learning_starts=200",
    "update_every=2",
    "buffer.capacity=8000",
    "buffer.n_step=3",
    "agent.discount=0.9",
    "agent.target_update_every=100",
    "optimizer.lr=1e-3",
    "evaluation.episodes=200",
    "evaluation.num_envs=50",
    "evaluation.epsilon=0",
)
CELLS = ("network/torso=mlp", "network.torso.hidden=[128]", "env.screen_size=12")
EPSILON = ("schedule.steps=4000", "schedule.end=0.05")
NOISE = ("network.noisy_sigma=0.5", "schedule=constant", "schedule.value=0")
ATOMS = ("agent=c51", "agent.atoms=21", "agent.v_min=-1", "agent.v_max=1")
FRACTIONS = ("agent.tau_samples=8", "agent.target_tau_samples=8", "agent.act_samples=8")

AGENTS = {
    "dqn": (*CELLS, *EPSILON),
    "double": (*CELLS, *EPSILON, "agent=double_dqn"),
    "dueling": (*CELLS, *EPSILON, "network.dueling=true"),
    "c51": (*CELLS, *EPSILON, *ATOMS),
    "qr_dqn": (*CELLS, *EPSILON, "agent=qr_dqn", "agent.quantiles=20"),
    "iqn": (*CELLS, *EPSILON, "agent=iqn", *FRACTIONS),
    "munchausen_dqn": (*CELLS, *EPSILON, "agent=munchausen_dqn"),
    "munchausen_iqn": (*CELLS, *EPSILON, "agent=munchausen_iqn", *FRACTIONS),
    "noisy": (*CELLS, *NOISE),
    "rainbow": (
        *(*CELLS, *NOISE, *ATOMS),
        "agent.double=true",
        "network.dueling=true",
        "buffer=prioritized",
    ),
    "nature_cnn": (*EPSILON, "env.screen_size=36", "network.layer_norm=true"),
    "impala": (
        *EPSILON,
        "env.screen_size=12",
        "network/torso=impala",
        "network.torso.spectral_norm=true",
        "update_every=4",  # it takes seven times as long as the others
    ),
}
GOOD = 0.9
"""Of 1, and who never moves has -1/6."""
LONG = 60
"""Seconds of one core."""


def assert_learns(agent: str, seed: int, run_dir: Path) -> None:
    """Played greedily at the end, it has nearly all of what there is."""
    config, began = catch(*COMMON, *AGENTS[agent], f"seed={seed}"), time.process_time()
    outcome = train(config, run_dir)
    assert outcome.score is not None
    assert outcome.score >= GOOD
    assert time.process_time() - began < LONG


def test_one_of_them_learns(tmp_path: Path) -> None:
    assert_learns("c51", 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("agent", AGENTS)
def test_every_agent_learns(agent: str, seed: int, tmp_path: Path) -> None:
    assert_learns(agent, seed, tmp_path)
