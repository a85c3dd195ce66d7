"""Protocols set what they say, and no run carries the name of one that it departs from."""

from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from dqn_experiments.config.compose import composed
from dqn_experiments.config.protocol import protocol_told, values_of
from dqn_experiments.errors import ConfigError
from dqn_experiments.run.config_file import CONFIG
from dqn_experiments.run.stored import store_config, stored_config

# of a protocol; None: it leaves that open
KEYS = (
    "env.repeat_action_probability",
    "env.noop_max",
    "env.terminal_on_life_loss",
    "env.full_action_space",
    "env.max_frames",
    "evaluation.epsilon",
    "evaluation.max_frames",
)
HALF_AN_HOUR = 27_000 * 4
PROTOCOLS = {
    "nature": (0.0, 30, True, False, None, 0.05, 5 * 60 * 60),
    "no_ops": (0.0, 30, True, False, HALF_AN_HOUR, None, HALF_AN_HOUR),
    "dopamine": (0.25, 0, False, False, HALF_AN_HOUR, 0.001, HALF_AN_HOUR),
    "machado": (0.25, 0, False, True, 18_000, None, None),
    "atari_100k": (0.0, 30, True, False, HALF_AN_HOUR, 0.001, HALF_AN_HOUR),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_protocol_sets_what_it_says_and_nothing_else(protocol: str) -> None:
    expected = {
        key: value
        for key, value in zip(KEYS, PROTOCOLS[protocol], strict=True)
        if value is not None
    }
    if protocol == "atari_100k":
        expected |= {"total_steps": 100_000, "evaluation.episodes": 100}
    assert values_of(protocol) == expected
    config = composed(f"protocol={protocol}", "env=alien")
    assert {key: OmegaConf.select(config, key) for key in expected} == expected
    assert (config.protocol, protocol_told(config)) == (protocol, protocol)
    plain = composed("env=alien")
    OmegaConf.update(plain, "protocol", protocol)
    for key in expected:
        OmegaConf.update(plain, key, expected[key])
    assert config == plain


def test_without_a_protocol_there_is_none() -> None:
    for config in (composed(), composed("protocol=nature", "protocol=none")):
        assert (config.protocol, protocol_told(config)) == (None, None)
    plain = composed("env=alien", "protocol=none")
    assert plain == composed("env=alien")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("env.noop_max=0",), "nature, but env.noop_max=0"),
        (
            ("evaluation.epsilon=0", "env.terminal_on_life_loss=false"),
            "nature, but env.terminal_on_life_loss=false, evaluation.epsilon=0.0",
        ),
        (("evaluation.max_frames=null",), "nature, but evaluation.max_frames=null"),
        (("evaluation.episodes=3", "env.num_envs=8", "evaluation.num_envs=1"), "nature"),
        (("env.max_frames=9_000", "total_steps=1_000_000"), "nature"),
        (("env.noop_max=30", "evaluation.epsilon=5e-2"), "nature"),
    ],
)
def test_a_departure_is_told(overrides: tuple[str, ...], told: str) -> None:
    config = composed("protocol=nature", *overrides)
    assert (config.protocol, protocol_told(config)) == ("nature", told)


def test_another_limit_than_the_runs_own_is_a_departure() -> None:
    config = composed("protocol=nature")
    assert protocol_told(config, 18_000) == "nature"
    assert protocol_told(config, 9_000) == "nature, but evaluation.max_frames=9000"
    machado = composed("protocol=machado")
    assert protocol_told(machado, 9_000) == "machado"  # which is not scored by evaluations


def test_a_recipes_protocol_can_be_another() -> None:
    config = composed("experiment=nature_2015", "protocol=dopamine")
    assert protocol_told(config) == "dopamine"
    assert (config.env.noop_max, config.evaluation.epsilon) == (0, 0.001)
    config = composed("experiment=nature_2015", "protocol=none")
    assert (config.protocol, config.optimizer.lr) == (None, 2.5e-4)


def test_a_protocol_is_stored_and_old_runs_have_none(tmp_path: Path) -> None:
    store_config(tmp_path, composed("protocol=dopamine"))
    assert stored_config(tmp_path).protocol == "dopamine"
    content = yaml.safe_load((tmp_path / CONFIG).read_text())
    assert content["protocol"] == "dopamine"
    for protocol in ("none", "../protocol/nature", "", 3):
        (tmp_path / CONFIG).write_text(yaml.safe_dump({**content, "protocol": protocol}))
        with pytest.raises(ConfigError, match=r"protocol=.*: must be"):
            stored_config(tmp_path)
    del content["protocol"]
    (tmp_path / CONFIG).write_text(yaml.safe_dump(content))
    assert stored_config(tmp_path).protocol is None


def test_a_protocol_of_atari_is_refused_elsewhere() -> None:
    told = (
        r"protocol=nature: sets env\.repeat_action_probability, and this env has no such key; "
        "must be left out, or protocol=none"
    )
    with pytest.raises(ConfigError, match=told):
        composed("env=cartpole", "network=mlp", "protocol=nature")
