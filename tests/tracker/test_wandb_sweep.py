"""What an agent of W&B's sweeps renders of our example is a command line of ours."""

from typing import Any

import yaml
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args, make_launch_sweep_entrypoint

from dqn_experiments.config.compose import composed
from tests.conftest import ROOT

EXAMPLE = ROOT / "docs" / "wandb_sweep.yaml"


def one_of(parameter: dict[str, Any]) -> Any:
    """A value that a server may send of it."""
    return parameter["values"][-1] if "values" in parameter else parameter["min"] * 1.234567891


def test_a_trial_of_the_example_composes() -> None:
    sweep = yaml.safe_load(EXAMPLE.read_text())
    values = {key: one_of(parameter) for key, parameter in sweep["parameters"].items()}
    args = create_sweep_command_args({"args": {key: {"value": values[key]} for key in values}})
    command, rendered = make_launch_sweep_entrypoint(args, sweep["command"])
    assert command is not None
    assert command[:4] == ["${env}", "python", "-m", "dqn_experiments"]
    config = composed(*command[4:], *rendered)
    assert (config.optimizer.lr, config.buffer.n_step) == (values["optimizer.lr"], 10)
    assert (config.env.id, config.network.hidden) == ("CartPole-v1", [64, 64])
    assert sweep["metric"] == {"name": "evaluation/mean", "goal": "maximize"}
