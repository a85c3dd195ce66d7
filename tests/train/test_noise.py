"""Who explores by noise, and when: acting in training, and every loss; never one who is scored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import dqn_experiments as dqn
from dqn_experiments.config.components import build_network
from dqn_experiments.experience.batch import Batch, PerSample
from dqn_experiments.experience.spec import NetworkSpec
from dqn_experiments.run import checkpoint
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.start import train
from tests.catch.config import catch

CPU = torch.device("cpu")
SHAPE, ACTIONS = (1, 12, 12), 3
PLAIN = (
    "env.screen_size=12",
    "network/torso=mlp",
    "network.hidden=16",
    "buffer.batch_size=8",
    "learning_starts=50",
    "agent.target_update_every=60",
    "optimizer.lr=1e-3",
    "total_steps=300",
    "evaluation.episodes=5",
    "evaluation.epsilon=0.5",
)
NOISY = (*PLAIN, "network.noisy_sigma=0.5", "schedule=constant", "schedule.value=0.1")
AGENTS = {"dqn": (), "rainbow": ("agent=c51", "network.dueling=true"), "iqn": ("agent=iqn",)}


def screens(number: int) -> Any:
    return np.random.default_rng(number).integers(0, 256, (number, *SHAPE), dtype=np.uint8)


def left_by(run_dir: Path) -> list[bytes]:
    newest = checkpoint.find(run_dir, "latest").path
    files = newest / "network.pt", newest / "learner.pt", run_dir / "history.csv"
    return [file.read_bytes() for file in files]


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "agent", ["rainbow", pytest.param("dqn", marks=SLOW), pytest.param("iqn", marks=SLOW)]
)
def test_scores_and_onlookers_change_nothing_in_what_is_learned(agent: str, tmp_path: Path) -> None:
    ends = []
    for name, overrides in (
        ("alone", ()),
        ("scored", ("evaluation.every=30", "evaluation.num_envs=3")),
        ("saved", ("checkpoint.every=25",)),
        ("visited", ("pause_after=100",)),
    ):
        run_dir = tmp_path / name
        run_dir.mkdir()
        config = catch(*NOISY, *AGENTS[agent], *overrides)
        while train(config, run_dir).status == "paused":
            dqn.evaluate(run_dir, episodes=2)
            dqn.load(run_dir).act(screens(9), 0.5)
            torch.randn(3)
        ends.append(left_by(run_dir))
    assert ends == [ends[0]] * 4


def acted(policy: Any) -> Any:
    """The values of 20 screens, at no other exploration."""
    return policy.act(screens(20))[1]


def test_acting_in_training_is_noisy_and_for_a_score_is_not() -> None:
    loop = assembled(catch(*NOISY), CPU)
    policy, network = loop.player.policy, loop.learner.network
    first = acted(policy)
    assert not np.isclose(first, acted(policy)).any()  # drawn anew at every step
    assert np.abs(first - acted(policy)).max() < 5
    scored = policy.seeded(1)
    np.testing.assert_array_equal(acted(scored), acted(scored))
    np.testing.assert_array_equal(acted(scored), acted(policy.seeded(2)))
    assert not np.isclose(acted(policy), acted(scored)).any()  # goes on as it did
    seen = torch.from_numpy(screens(20))
    assert torch.equal(network(seen), network(seen))


def test_one_who_is_scored_plays_what_a_network_without_noise_would(tmp_path: Path) -> None:
    train(catch(*NOISY), tmp_path)
    weights = checkpoint.find(tmp_path, "latest").weights()
    means = {name: weight for name, weight in weights.items() if not name.endswith("_sigma")}
    assert len(means) < len(weights)
    plain = build_network(catch(*PLAIN), NetworkSpec(SHAPE, ACTIONS, 1))
    plain.load_state_dict(means)
    expected = plain(torch.from_numpy(screens(500))).squeeze(2).argmax(dim=1).numpy()
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(dqn.load(tmp_path).act(screens(500)), expected)


class Listening:
    """A rule that asks both networks twice before it does what it does."""

    def __init__(self, rule: Any) -> None:
        self._rule = rule
        self.online: list[Tensor] = []
        self.target: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rule, name)

    def loss(self, network: nn.Module, target_network: nn.Module, batch: Batch) -> PerSample:
        for _ in range(2):
            self.online.append(network(batch.observation).detach())
            self.target.append(target_network(batch.observation))
        return self._rule.loss(network, target_network, batch)


def batch() -> Batch:
    return Batch(
        observation=torch.from_numpy(screens(6)),
        action=torch.tensor([0, 1, 2, 0, 1, 2]),
        reward=torch.linspace(-1, 1, 6),
        discount=torch.full((6,), 0.9),
        next_observation=torch.from_numpy(screens(6)).flip(0),
        weight=torch.ones(6),
        index=torch.arange(6),
    )


@pytest.mark.parametrize("back", ["", "reset", "synced", "restored"])
def test_the_target_network_draws_noise_of_its_own(back: str) -> None:
    """Also after it took in weights; it never leaves off."""
    one = Learner(catch(*NOISY, "optimizer.lr=1e-9"), SHAPE, ACTIONS, CPU)
    if back == "reset":
        one.reset(0.5, 0.0)
    elif back == "synced":
        one.sync_target()
    elif back == "restored":
        one.load_state_dict(one.state_dict())
    one.rule = rule = Listening(one.rule)
    one.update(batch(), 0)
    one.update(batch(), 0)
    outputs = [*rule.online, *rule.target]
    assert len(outputs) == 8
    for number, output in enumerate(outputs):
        for other in outputs[:number]:
            assert not torch.isclose(output, other).any()
    one.network.load_state_dict(one.target_network.state_dict())
    silent = one.network(batch().observation)  # of the same weights
    for output in outputs:
        assert not torch.isclose(output, silent).any()


def test_the_noise_of_learning_is_not_that_of_acting() -> None:
    """Streams of their own: how often one of them draws is nothing to the other."""
    losses, values = [], []
    for acts, updates in ((1, 1), (5, 3)):
        loop = assembled(catch(*NOISY, "optimizer.lr=1e-9"), CPU)
        for _ in range(acts):
            acted(loop.player.policy)
        losses.append(loop.learner.update(batch(), 0).loss.item())
        loop = assembled(catch(*NOISY, "optimizer.lr=1e-9"), CPU)
        for _ in range(updates):
            loop.learner.update(batch(), 0)
        values.append(acted(loop.player.policy))
    assert losses[0] == losses[1]
    np.testing.assert_allclose(values[0], values[1], rtol=1e-4)
