"""What a run directory says is read by code of another day."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from dqn_experiments.config import stored_form
from dqn_experiments.config.compose import composed
from dqn_experiments.config.stored_form import Added, Removed, Renamed
from dqn_experiments.errors import ConfigError
from dqn_experiments.run.config_file import CONFIG
from dqn_experiments.run.stored import store_config, stored_config
from tests.conftest import ROOT

OVERRIDES = (
    "buffer=prioritized",
    "network=dueling",
    ["env=gymnasium", "env.id=FrozenLake-v1", "+env.kwargs.is_slippery=false", "network=mlp"],
    "experiment=nature_2015",
)


def edit(run_dir: Path, change: Any) -> None:
    content = yaml.safe_load((run_dir / CONFIG).read_text())
    change(content)
    (run_dir / CONFIG).write_text(yaml.safe_dump(content))


@pytest.mark.parametrize("overrides", OVERRIDES, ids=str)
def test_what_is_stored_comes_back(overrides: Any, tmp_path: Path) -> None:
    config = composed(*([overrides] if isinstance(overrides, str) else overrides))
    store_config(tmp_path, config)
    assert OmegaConf.to_container(stored_config(tmp_path)) == OmegaConf.to_container(config)


@pytest.mark.parametrize("overrides", OVERRIDES, ids=str)
def test_what_is_read_as_data_is_what_would_be_stored_today(overrides: Any) -> None:
    config = composed(*([overrides] if isinstance(overrides, str) else overrides))
    stored = stored_form.stored_form(config)
    told = stored_form.as_of_today(stored)
    said_of_one_start: dict[str, Any] = {"trust": [], "resume": "auto", "pause_after": None}
    said_of_one_start |= {"retry_failed": False, "pause_at": None}
    kept = {key: stored[key] for key in stored if key not in stored_form.WRITTEN_BY}
    assert told == kept | said_of_one_start


@pytest.mark.parametrize("game", ["breakout", "cartpole"])
def test_an_old_file_is_read_as_data_as_it_is_checked(game: str) -> None:
    run_dir = ROOT / "tests" / "frozen" / "0.2.0" / game
    old = yaml.safe_load((run_dir / CONFIG).read_text())
    told = stored_form.as_of_today(old)
    checked = stored_form.stored_form(stored_config(run_dir, changes={}))
    checked = yaml.safe_load(yaml.safe_dump(checked))
    kept = {key: checked[key] for key in checked if key not in stored_form.WRITTEN_BY}
    assert {key: told[key] for key in kept} == kept


def test_what_is_read_as_data_finds_no_file_but_those_of_options() -> None:
    nested = {
        "_option_": "dqn",
        "..": {"..": {"_option_": "config"}},
        "a": {"_option_": "../config"},
    }
    told = stored_form.as_of_today({"version": "0.2.0", "agent": nested})
    assert told["agent"][".."] == nested[".."]
    assert told["agent"]["a"] == nested["a"]


def test_options_are_named_rather_than_modules(tmp_path: Path) -> None:
    store_config(tmp_path, composed("buffer=prioritized"))
    text = (tmp_path / CONFIG).read_text()
    assert "dqn_experiments" not in text.replace("project: dqn_experiments", "")
    stored = yaml.safe_load(text)
    assert stored["buffer"]["_option_"] == "prioritized"
    assert stored["buffer"]["beta"]["_option_"] == "linear"
    assert stored["network"]["torso"]["_option_"] == "nature_cnn"


def test_every_key_may_be_missing_in_a_file_that_is_older_than_it(tmp_path: Path) -> None:
    """It takes the value of today's default; keys without a default are as old as the file."""
    config = composed("buffer=prioritized", "env=pong")
    store_config(tmp_path, config)
    whole = (tmp_path / CONFIG).read_text()
    stored = yaml.safe_load(whole)
    places: list[tuple[str, ...]] = [
        (key,)
        for key in stored
        if not isinstance(stored[key], dict) and key not in stored_form.WRITTEN_BY
    ]
    for group, node in stored.items():
        if isinstance(node, dict):
            places += [(group, key) for key in node if key not in ("_option_", "rom")]
    assert len(places) > 50
    for place in places:
        edit(tmp_path, lambda content, place=place: remove(content, place))
        assert OmegaConf.to_container(stored_config(tmp_path)) == OmegaConf.to_container(config), (
            place
        )
        (tmp_path / CONFIG).write_text(whole)


def test_a_run_from_before_augmentations_had_none(tmp_path: Path) -> None:
    """A group that came later is in the table; without any other a file is no run's."""
    store_config(tmp_path, composed("augmentation=random_shift", "env=pong"))
    edit(tmp_path, lambda content: remove(content, ("augmentation",)))
    assert stored_config(tmp_path).augmentation == composed("env=pong").augmentation
    edit(tmp_path, lambda content: remove(content, ("agent",)))
    with pytest.raises(ConfigError, match=r"agent=null: must be chosen by agent=<name>"):
        stored_config(tmp_path)


def remove(content: Any, place: tuple[str, ...]) -> None:
    *parents, last = place
    for parent in parents:
        content = content[parent]
    del content[last]


def test_what_became_of_keys_is_said_in_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_config(tmp_path, composed("env=pong"))
    table = {
        "agent/dqn.double": Added(True),
        "agent/dqn.gamma": Renamed("discount"),
        "agent/dqn.clip": Removed(now=1, last="0.3.0"),
        "every": Renamed("update_every"),
    }
    monkeypatch.setattr(stored_form, "CHANGED", table)

    def age(content: Any) -> None:
        agent = content["agent"]
        del agent["double"]
        agent.update(gamma=0.5, clip=1)
        del agent["discount"]
        content["every"] = 7
        del content["update_every"]

    edit(tmp_path, age)
    config = stored_config(tmp_path)
    assert (config.agent.double, config.agent.discount, config.update_every) == (True, 0.5, 7)
    edit(tmp_path, lambda content: content["agent"].update(clip=2))
    with pytest.raises(
        ConfigError, match=r"agent/dqn\.clip=2: is no longer possible; version 0\.3\.0"
    ):
        stored_config(tmp_path)


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "was written by an unreleased version before 0.2.0, which alone can go on with it"),
        ("0.1.0", "was written by version 0.1.0, which alone can go on with it"),
        ("99.1.0", "was written by version 99.1.0, which can go on with it"),
        (["x"], "before 0.2.0"),
    ],
)
def test_a_run_of_another_version_says_which_can_go_on(
    version: Any, message: str, tmp_path: Path
) -> None:
    store_config(tmp_path, composed("env=pong"))
    edit(tmp_path, lambda content: content.update(version=version))
    with pytest.raises(ConfigError) as told:
        stored_config(tmp_path)
    assert message in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("option", ["../../secret", "no_such", "double dqn", 3])
def test_an_option_is_a_file_of_its_group(option: Any, tmp_path: Path) -> None:
    store_config(tmp_path, composed("env=pong"))
    edit(tmp_path, lambda content: content["agent"].update(_option_=option))
    with pytest.raises(
        ConfigError, match=r"agent\._option_=.*: must be one of c51, dqn, iqn, qr_dqn$"
    ):
        stored_config(tmp_path)


def test_a_component_without_an_option_is_told_by_its_place(tmp_path: Path) -> None:
    store_config(tmp_path, composed("buffer=prioritized"))
    edit(tmp_path, lambda content: content["buffer"]["beta"].pop("_option_"))
    allowed = "must be one of constant, exponential, linear$"
    with pytest.raises(ConfigError, match=rf"buffer\.beta\._option_=: {allowed}"):
        stored_config(tmp_path)


@pytest.mark.parametrize("beta", ["linear", "constant", "exponential"])
def test_every_schedule_that_beta_could_have_is_read(beta: str, tmp_path: Path) -> None:
    """By version 0.2.0 too, which named them as the options of `schedule`."""
    config = composed("buffer=prioritized", f"buffer/beta={beta}")
    store_config(tmp_path, config)
    assert yaml.safe_load((tmp_path / CONFIG).read_text())["buffer"]["beta"]["_option_"] == beta
    assert stored_config(tmp_path).buffer.beta == config.buffer.beta
    keys = {"linear": "steps", "constant": "value", "exponential": "start"}
    edit(tmp_path, lambda content: content["buffer"]["beta"].pop(keys[beta]))
    assert stored_config(tmp_path).buffer.beta == config.buffer.beta  # beta's default


def test_every_option_that_is_stored_has_a_yaml_of_its_name() -> None:
    for file in (ROOT / "conf").rglob("*.yaml"):
        target = yaml.safe_load(file.read_text()).get("_target_")
        if target:
            assert (file.parent / f"{target.split('.')[-2]}.yaml").is_file()
