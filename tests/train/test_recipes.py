"""Every recipe trains on tiny screens, and goes on from a checkpoint with the same bits."""

from pathlib import Path

import pytest

from dqn_experiments.config.compose import composed
from dqn_experiments.config.groups import options
from dqn_experiments.run import checkpoint
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
RECIPES = sorted(set(options("experiment")) - {"cartpole"})


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
        parts = sorted(path for path in found.path.iterdir() if path.suffix in (".pt", ".state"))
        ends.append({path.name: path.read_bytes() for path in parts})
    assert {"network.pt", "learner.pt", "replay.state"} <= set(ends[0])
    assert [name for name in ends[0] if ends[0][name] != ends[1][name]] == []
