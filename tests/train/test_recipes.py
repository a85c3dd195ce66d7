"""Every recipe trains on tiny screens, and goes on from a checkpoint with the same bits."""

import zipfile
from pathlib import Path

import pytest
import torch

from dqn_experiments.config.compose import composed
from dqn_experiments.config.groups import options
from dqn_experiments.run import checkpoint
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.start import train

TINY = (
    "env=pong",
    "env.screen_size=36",
    "env.num_envs=2",
    "network.hidden=8",
    "total_steps=120",
    "learning_starts=60",
    "update_every=8",
    "buffer.capacity=200",
    "buffer.batch_size=4",
    "buffer.n_step=3",
    "agent.target_update_every=3",
    "checkpoint.every=0",
    "evaluation.episodes=1",
    "evaluation.max_frames=40",
    "tracker.mode=disabled",
    "device=cpu",
    "cpu_threads=1",
)
QUICKLY = {"rainbow", "btr", "munchausen_iqn"}
RECIPES = [
    pytest.param(name, marks=() if name in QUICKLY else pytest.mark.slow)
    for name in sorted(set(options("experiment")) - {"cartpole"})
]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains_and_goes_on_with_the_same_bits(recipe: str, tmp_path: Path) -> None:
    ends = []
    for run, pauses in ((tmp_path / "whole", ()), (tmp_path / "halves", ("pause_after=86",))):
        run.mkdir()
        for pause in pauses:
            assert train(composed(f"experiment={recipe}", *TINY, pause), run).status == "paused"
        assert train(composed(f"experiment={recipe}", *TINY), run).status == "finished"
        found = checkpoint.find(run, "latest")
        assert found.step == 120
        history = (run / "history.csv").read_bytes(), (run / "evaluation.json").read_bytes()
        ends.append({"history": history, **contents(found.path)})
    assert len(ends[0]) == 6
    weights = torch.load(found.path / "learner.pt", weights_only=True)
    assert weights["updates"] == (120 - 60) // 8 + 1
    assert [name for name in ends[0] if ends[0][name] != ends[1][name]] == []


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("network=noisy",), "so does epsilon, 1 at first and 0.1 at the end; an epsilon of 0"),
        (("network=noisy", "schedule=constant", "schedule.value=0"), None),
        (("experiment=rainbow",), None),
        (("experiment=btr",), "so does epsilon, 1 at first and 0.01 at the end"),
        (("experiment=dopamine_dqn",), None),
    ],
)
def test_who_explores_by_noise_and_epsilon_is_told(
    overrides: tuple[str, ...], told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        loop = assembled(composed(*overrides, *TINY, "total_steps=3_000_000"), torch.device("cpu"))
    loop.player.close()
    assert told in caplog.text if told else "epsilon" not in caplog.text


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("experiment=rainbow", "protocol=dopamine"), "dopamine, but evaluation.epsilon=0.0"),
        (("experiment=rainbow",), None),
        ((), None),
    ],
)
def test_who_departs_from_a_protocol_is_told_so_at_the_start(
    overrides: tuple[str, ...], told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        loop = assembled(composed(*overrides, "buffer.capacity=100_000"), torch.device("cpu"))
    loop.player.close()
    assert f"protocol={told}" in caplog.text if told else "protocol" not in caplog.text


def contents(checkpoint_dir: Path) -> dict[str, object]:
    """What can be compared of each file: zips say when they were written, a record how fast."""
    found: dict[str, object] = {}
    for path in checkpoint_dir.iterdir():
        if path.suffix == ".state" and path.stem != "record":
            with zipfile.ZipFile(path) as archive:
                found[path.name] = {name: archive.read(name) for name in archive.namelist()}
        elif path.suffix == ".pt":
            found[path.name] = path.read_bytes()
    return found
