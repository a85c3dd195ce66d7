"""Every switch of the family goes with every other: such runs train, stop anywhere and go on."""

import io
from itertools import product
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from dqn_experiments.run import checkpoint
from dqn_experiments.train.start import train
from tests.catch.config import catch
from tests.train.family import APART, SWITCHES, covering, every_pair, label, overrides, pairs

PARTS = ("network.pt", "learner.pt")
SMALL = (
    "env.screen_size=36",
    "network.hidden=8",
    "buffer.batch_size=4",
    "buffer.capacity=60",  # wraps
    "learning_starts=24",
    "update_every=4",
    "agent.target_update_every=12",
    "schedule.steps=50",
    "optimizer.lr=3e-3",
    "total_steps=84",
    "evaluation.episodes=1",
)
LONGER = (
    "buffer.capacity=600",
    "buffer.batch_size=16",
    "learning_starts=84",
    "total_steps=900",
    "reset.until=700",
    "schedule.steps=500",
)
UPDATES = (84 - 24) // 4, (900 - 84) // 4
"""At once: of a run of either length."""


def trained(config: DictConfig, run_dir: Path, pauses: tuple[int, ...] = ()) -> dict[str, bytes]:
    """What a run leaves that was stopped that many steps after each beginning, and went on."""
    run_dir.mkdir()
    for pause in pauses:
        paused = config.copy()
        paused.pause_after = pause
        assert train(paused, run_dir).status == "paused"
    outcome = train(config, run_dir)
    assert (outcome.status, outcome.step) == ("finished", config.total_steps)
    newest = checkpoint.find(run_dir, "latest").path
    left = {name: (newest / name).read_bytes() for name in PARTS}
    return {**left, "history": (run_dir / "history.csv").read_bytes()}


def assert_goes_on(config: DictConfig, folder: Path, pauses: tuple[int, ...], at_once: int) -> None:
    """A run comes to the same end in one go and with pauses, after the updates that are due."""
    whole = trained(config, folder / "whole")
    learner = torch.load(io.BytesIO(whole["learner.pt"]), weights_only=True)
    assert learner["updates"] == at_once * config.updates_at_once
    assert all(weight.isfinite().all() for weight in learner["target_network"].values())
    assert trained(config, folder / "parts", pauses) == whole


@pytest.mark.parametrize("chosen", covering(18), ids=label)
def test_every_pair_of_switches_trains_and_goes_on_bit_for_bit(
    chosen: dict[str, str], tmp_path: Path
) -> None:
    assert_goes_on(catch(*SMALL, *overrides(chosen)), tmp_path, (15, 36), UPDATES[0])


@pytest.mark.slow
@pytest.mark.parametrize("chosen", covering(52), ids=label)
def test_every_pair_of_switches_goes_on_after_hundreds_of_updates(
    chosen: dict[str, str], tmp_path: Path
) -> None:
    config = catch(*SMALL, *LONGER, *overrides(chosen))
    assert_goes_on(config, tmp_path, (150, 333, 300), UPDATES[1])


def test_those_runs_have_every_pair() -> None:
    """Held against a list of pairs that is made in another way."""
    listed = {
        frozenset({(one, first), (other, second)})
        for one, other in product(SWITCHES, repeat=2)
        if one < other
        for first, second in product(SWITCHES[one], SWITCHES[other])
    }
    assert every_pair() == listed - {APART}
    for seed in (2, 9):
        runs = covering(seed)
        assert len(runs) < 25
        assert set().union(*(pairs(chosen.items()) for chosen in runs)) == listed - {APART}
        assert not any(set(chosen.items()) >= APART for chosen in runs)


TELLING = ("agent.random_target=true", "agent.target_update_every=60")
"""So that two networks disagree on actions."""
PLAIN = {switch: next(iter(levels)) for switch, levels in SWITCHES.items()}


def one_switched(agent: str) -> list[dict[str, str]]:
    """A plain run of that agent, and those that differ from it in one switch."""
    plain = {**PLAIN, "agent": agent}
    switched = [
        {**plain, switch: level}
        for switch, levels in SWITCHES.items()
        for level in levels
        if switch != "agent" and level != plain[switch]
    ]
    return [plain, *(each for each in switched if not set(each.items()) >= APART)]


AGENTS = list(SWITCHES["agent"])


@pytest.mark.parametrize("agent", [pytest.param(each, marks=pytest.mark.slow) for each in AGENTS])
def test_every_switch_changes_what_is_learned(agent: str, tmp_path: Path) -> None:
    learned: dict[bytes, str] = {}
    for chosen in one_switched(agent):
        name = label(chosen)
        config = catch(*SMALL, *TELLING, *overrides(chosen))
        found = trained(config, tmp_path / name)["network.pt"]
        assert found not in learned, (name, learned[found])
        learned[found] = name
