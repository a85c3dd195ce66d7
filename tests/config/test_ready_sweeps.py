"""Ready sweeps have the jobs that they promise, and variants change what they say."""

from typing import Any

import pytest
import yaml
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from dqn_experiments.config.compose import composed
from dqn_experiments.config.groups import options
from dqn_experiments.search.space import a_point, as_overrides, search_space
from tests.conftest import ROOT

JOBS = {"ablation_rainbow": 7, "atari_26": 26, "five_seeds": 5, "learning_rate": 7}
REMOVED: dict[str, dict[str, Any]] = {
    "none": {},
    "without_double": {"agent.double": False},
    "without_priorities": {"buffer.alpha": 0.0},
    "without_dueling": {"network.dueling": False},
    "without_multi_step": {"buffer.n_step": 1},
    "without_noise": {
        "network.noisy_sigma": None,
        "schedule._target_": "dqn_experiments.schedule.linear.Linear",
        "schedule.start": 1.0,
        "schedule.end": 0.01,
        "schedule.steps": 62_500,
    },
    "without_distribution": {"agent._target_": "dqn_experiments.agent.dqn.DQN"},
}
"""What an ablation makes of Rainbow, where that has another value (Hessel et al. 2018)."""


def jobs_of(sweep: str) -> list[list[str]]:
    file = yaml.safe_load((ROOT / "conf" / "sweep" / f"{sweep}.yaml").read_text())
    params = [f"{key}={value}" for key, value in file["hydra"]["sweeper"]["params"].items()]
    (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(params), None)
    return jobs


def test_ready_sweeps_have_so_many_jobs_and_none_twice() -> None:
    assert {*JOBS, "halving"} == set(options("sweep"))
    for sweep, number in JOBS.items():
        assert len({tuple(job) for job in jobs_of(sweep)}) == number


@pytest.mark.slow
@pytest.mark.parametrize("sweep", JOBS)
def test_every_job_of_a_ready_sweep_can_be_trained(sweep: str) -> None:
    for job in jobs_of(sweep):
        composed(f"sweep={sweep}", *job)


def test_the_ready_search_has_values_that_can_be_trained() -> None:
    file = yaml.safe_load((ROOT / "conf" / "sweep" / "halving.yaml").read_text())
    space, shared = search_space(as_overrides(file["hydra"]["sweeper"]["params"]))
    assert shared == []
    composed(*as_overrides(a_point(space)))


def test_each_ablation_takes_one_part_away_and_leaves_the_others() -> None:
    assert {job[1].partition("=")[2] for job in jobs_of("ablation_rainbow")} == set(REMOVED)
    whole = leaves(composed("experiment=rainbow"))
    for variant, removed in REMOVED.items():
        left = leaves(composed("experiment=rainbow", f"variant={variant}"))
        differing = {key: left[key] for key in left if key in whole and left[key] != whole[key]}
        differing |= {key: left[key] for key in left if key in removed}
        assert differing == removed, variant


def test_values_of_one_component_can_be_swept_in_pairs() -> None:
    written = OverridesParser.create().parse_overrides(
        ["optimizer={lr: 1e-3},{lr: 2e-3, eps: 0.1}"]
    )
    (jobs,) = BasicSweeper.split_arguments(written, None)
    optimizers = [composed(*job).optimizer for job in jobs]
    assert [(each.lr, each.eps) for each in optimizers] == [(1e-3, 1e-8), (2e-3, 0.1)]


def leaves(config: DictConfig) -> dict[str, Any]:
    """Every value by its dotted key."""
    found: dict[str, Any] = {}

    def collect(node: Any, prefix: str) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                collect(value, f"{prefix}.{key}" if prefix else str(key))
        else:
            found[prefix] = node

    collect(OmegaConf.to_container(config), "")
    return found
