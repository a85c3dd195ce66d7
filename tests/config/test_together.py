"""What no component can know by itself is refused before anything starts."""

import pytest
import torch
from omegaconf import DictConfig

from dqn_experiments import ConfigError, trust
from dqn_experiments.config.compose import composed
from dqn_experiments.config.together import check_rule
from dqn_experiments.train.assembly import assembled


class OfAnOlderVersion:
    """A rule from before target networks could move softly."""

    outputs = 1
    target_update_every = 100
    random_target = False

    def __init__(self, *, discount: float) -> None:
        self.discount = discount


@pytest.fixture
def config() -> DictConfig:
    trust("tests")
    return composed("env=cartpole", "network=mlp", "agent=iqn")


def test_a_rule_says_all_that_a_run_must_know_of_it(config: DictConfig) -> None:
    config.agent = {"_target_": "tests.config.test_together.OfAnOlderVersion", "discount": 0.9}
    lacking = "must have implicit, target_update_unit, target_mix as attributes"
    with pytest.raises(ConfigError, match=f"^agent._target_=.*OfAnOlderVersion: {lacking}$"):
        check_rule(config)


def test_a_network_answers_for_quantiles_if_it_is_asked(config: DictConfig) -> None:
    config.network = {"_target_": "tests.train.toy_networks.Noisy"}
    told = r"Noisy: must take \(observation, tau\), as agent=iqn asks for quantiles"
    with pytest.raises(ConfigError, match=rf"^network._target_=.*{told}"):
        assembled(config, torch.device("cpu"))
    config.agent = composed("agent=dqn").agent
    check_rule(config)
