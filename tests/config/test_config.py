"""The config tree is the code tree."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from dqn_experiments.config.compose import composed
from dqn_experiments.config.groups import GROUPS
from dqn_experiments.config.lookup import component, options_of
from tests.conftest import ROOT


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


FILES = [
    path
    for group in GROUPS
    for path in sorted((ROOT / "conf" / group).rglob("*.yaml"))
    if "_target_" in read(path)
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_lists_every_argument_of_its_component(path: Path) -> None:
    node = read(path)
    group = node["_target_"].removeprefix("dqn_experiments.").rpartition(".")[0].rpartition(".")[0]
    parts = {name.rpartition("@")[2] for part in node.pop("defaults", []) for name in part}
    listed = {*node, *parts} - {"_target_"}
    assert listed == set(options_of(component(group.replace(".", "/"), node["_target_"])))


@pytest.mark.parametrize("group", GROUPS)
def test_every_component_has_a_file_of_its_name(group: str) -> None:
    targets = {
        str(read(path).get("_target_", "")).rpartition(".")[0]
        for path in (ROOT / "conf" / group).glob("*.yaml")
    }
    options = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
    for module in filter(None, targets):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
        assert module.rpartition(".")[2] in options | {"atari", "gymnasium"}


def test_the_plain_run_is_the_notebook_with_the_papers_replay_memory() -> None:
    plain, notebook = composed(), composed("experiment=seed_notebook")
    differing = {
        key
        for key in _leaves(notebook)
        if OmegaConf.select(plain, key) != OmegaConf.select(notebook, key)
    }
    assert differing == {"buffer.capacity", "agent.random_target", "checkpoint.every"}
    assert (plain.buffer.capacity, notebook.buffer.capacity) == (1_000_000, 150_000)


def test_nature_2015_counts_as_the_paper() -> None:
    paper = composed("experiment=nature_2015", "env=pong")
    assert paper.env.rom == "pong"
    assert paper.agent.target_update_every == 10_000  # as its code does; see the recipe
    assert paper.optimizer.eps * paper.buffer.batch_size**2 == pytest.approx(0.01)
    hours = paper.total_steps * paper.env.frame_skip / 60 / 3600
    assert hours / 24 == pytest.approx(38, abs=1)  # the days of experience that the paper states


def test_a_recipe_leaves_the_switches_of_agents_alone() -> None:
    for recipe in ("nature_2015", "seed_notebook", "cartpole"):
        assert composed(f"experiment={recipe}", "agent=double_dqn").agent.double
    assert not composed("experiment=nature_2015").agent.double
    assert not composed("experiment=seed_notebook").agent.double


@pytest.mark.parametrize("rom", ["pong", "ms_pacman", "tic_tac_toe_3d"])
def test_any_game_is_an_option(rom: str) -> None:
    config = composed(f"env={rom}", "env.num_envs=3")
    assert (config.env.rom, config.env.num_envs, config.env.frame_skip) == (rom, 3, 4)


def test_numbers_may_be_written_as_people_write_them() -> None:
    config = composed("total_steps=1e6", "buffer.capacity=200_000", "optimizer.lr=1")
    assert (config.total_steps, config.buffer.capacity) == (1_000_000, 200_000)
    assert isinstance(config.total_steps, int)
    assert isinstance(config.optimizer.lr, float)


def test_the_schedule_of_beta_can_be_replaced_as_that_of_epsilon() -> None:
    beta = composed("buffer=prioritized", "total_steps=100_000").buffer.beta
    assert (beta.start, beta.end, beta.steps) == (0.4, 1.0, 100_000)
    chosen = "buffer=prioritized", "buffer/beta=constant", "buffer.beta.value=0.7"
    constant = composed(*chosen).buffer.beta
    assert constant._target_ == "dqn_experiments.schedule.constant.Constant"
    assert constant.value == 0.7


def _leaves(config: object, prefix: str = "") -> list[str]:
    keys = []
    for key, value in dict(config).items():  # type: ignore[call-overload]
        name = f"{prefix}{key}"
        keys += _leaves(value, f"{name}.") if OmegaConf.is_dict(value) else [name]
    return keys
