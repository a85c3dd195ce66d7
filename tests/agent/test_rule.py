"""The keys that all learning rules share, and that every rule can be had by its name."""

from typing import Any

import pytest

from dqn_experiments.config.check import checked, plain_config
from dqn_experiments.config.components import build_rule
from dqn_experiments.config.compose import composed
from dqn_experiments.errors import ConfigError

RULES = "dqn", "double_dqn", "munchausen_dqn", "c51", "qr_dqn", "iqn", "munchausen_iqn"


@pytest.mark.parametrize("name", RULES)
def test_a_rule_tells_when_and_how_the_target_network_moves(name: str) -> None:
    plain = build_rule(composed(f"agent={name}"))
    assert (plain.target_update_unit, plain.target_mix, plain.random_target) == ("steps", 1, False)
    soft = composed(
        f"agent={name}",
        "agent.target_update_every=1",
        "agent.target_update_unit=updates",
        "agent.target_mix=0.005",
    )
    rule = build_rule(soft)
    assert (rule.target_update_every, rule.target_update_unit) == (1, "updates")
    assert rule.target_mix == 0.005


def test_configs_from_before_there_were_soft_updates_are_whole() -> None:
    """Such as those of rules of one's own."""
    plain: Any = plain_config(composed())
    del plain["agent"]["target_update_unit"], plain["agent"]["target_mix"]
    config = checked(plain)
    assert (config.agent.target_update_unit, config.agent.target_mix) == ("steps", 1)
    del plain["agent"]["target_update_every"]
    with pytest.raises(ConfigError, match=r"agent\.target_update_every"):
        checked(plain)


@pytest.mark.parametrize(
    "wrong",
    [
        "agent.target_mix=0",
        "agent.target_mix=1.1",
        "agent.target_update_unit=frames",
        "agent.log_policy_floor=0.1",
        "agent.entropy_temperature=0",
        "agent.log_policy_network=both",
    ],
)
def test_what_has_no_meaning_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong.partition("=")[0].replace(".", r"\.")):
        composed(wrong)


def test_switches_are_what_their_names_say() -> None:
    for name in ("dqn", "iqn"):
        plain, munchausen = composed(f"agent={name}"), composed(f"agent=munchausen_{name}")
        assert not plain.agent.munchausen
        plain.agent.munchausen = True
        assert plain.agent == munchausen.agent
    with pytest.raises(ConfigError, match=r"agent\.munchausen"):
        composed("agent=c51", "+agent.munchausen=true")
