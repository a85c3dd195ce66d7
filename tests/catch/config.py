"""Configs of runs that play Catch."""

from omegaconf import DictConfig

from dqn_experiments import trust
from dqn_experiments.config.compose import composed
from tests.conftest import ROOT

QUIET = ("tracker.mode=disabled", "cpu_threads=1", "checkpoint.every=0", "log_every=100_000")


def catch(*overrides: str) -> DictConfig:
    """The checked config of a run with these overrides, of groups and of keys."""
    trust("tests.catch")
    return composed("env=catch", *QUIET, *overrides, own=ROOT / "tests" / "catch" / "conf")
