"""What a run directory may be continued with, and on what."""

import os
from functools import partial
from pathlib import Path

import pytest

from dqn_experiments import load, state
from dqn_experiments.config.compose import as_written, composed
from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.run import checkpoint, parts
from dqn_experiments.run.same_run import check_same_run, continued_config
from dqn_experiments.run.stored import store_config, stored_config
from dqn_experiments.train.start import train
from tests.conftest import QUICK_CARTPOLE

SILENT = (*QUICK_CARTPOLE, "tracker.mode=disabled")


def write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def saved_bytes(path: Path, content: state.State) -> bytes:
    state.save(path, content)
    return path.read_bytes()


def test_a_run_of_another_machine_can_be_played_and_continued(tmp_path: Path) -> None:
    """Nothing of it was on a GPU that is not here: neither its network nor its frames."""
    there = composed()
    there.device = there.buffer.device = "cuda"
    store_config(tmp_path, there)
    assert stored_config(tmp_path).buffer.device == "auto"
    check_same_run(tmp_path, composed("buffer.compression=none", "device=cpu"))
    overrides = ["device=cpu", "buffer.device=cpu"]
    assert continued_config(tmp_path, composed(*overrides), overrides).buffer.device == "cpu"


def test_a_longer_run_is_the_same_unless_a_schedule_ends_with_it(tmp_path: Path) -> None:
    for buffer in ("uniform", "prioritized"):
        store_config(tmp_path, composed(f"buffer={buffer}", "total_steps=200_000"))
        longer = composed(f"buffer={buffer}", "total_steps=300_000")
        if buffer == "uniform":
            check_same_run(tmp_path, longer)
        else:
            told = "buffer.beta.steps=300000: .* holds a run with 200000; .* resume=.* keeps it"
            with pytest.raises(ConfigError, match=told):
                check_same_run(tmp_path, longer)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("optimizer=rmsprop", "optimizer=rmsprop: .* holds a run with adam;"),
        ("network/torso=mlp", "network/torso=mlp: .* holds a run with nature_cnn;"),
        ("optimizer.lr=1", r"optimizer\.lr=1\.0: .* holds a run with 0\.0002;"),
        ("env.num_envs=2", r"env\.num_envs=2: .* holds a run with 1;"),
        ("buffer.read_ahead=false", r"buffer\.read_ahead=false: .* holds a run with true;"),
    ],
)
def test_another_run_is_told_in_the_words_that_chose_it(
    override: str, told: str, tmp_path: Path
) -> None:
    store_config(tmp_path, composed())
    with pytest.raises(ConfigError, match=told) as error:
        check_same_run(tmp_path, composed(override))
    assert "hydra." not in str(error.value)  # which nobody says in Python


def test_what_may_change_is_told_of_the_run_at_hand(tmp_path: Path) -> None:
    for env, has_threads in (("pong", True), ("cartpole", False)):
        network = "nature_cnn" if env == "pong" else "mlp"
        store_config(tmp_path, composed(f"env={env}", f"network={network}"))
        with pytest.raises(ConfigError, match=r"^agent\.discount=0\.5: would make it") as error:
            continued_config(tmp_path, composed("agent.discount=0.5"), ["agent.discount=0.5"])
        assert "another run (this has 0.99); what may change is total_steps, " in str(error.value)
        assert ("env.num_threads" in str(error.value)) == has_threads


@pytest.mark.parametrize("override", ["experiment=cartpole", "~seed", "network/torso=mlp"])
def test_a_choice_that_no_run_holds_is_no_way_to_go_on(override: str, tmp_path: Path) -> None:
    store_config(tmp_path, composed())
    with pytest.raises(ConfigError, match=f"^{override}: would make it another run.*; what may"):
        continued_config(tmp_path, as_written(override), [override])


def test_what_a_run_has_anyway_may_be_said_again(tmp_path: Path) -> None:
    store_config(tmp_path, composed("agent.discount=0.5"))
    same = ["agent.discount=0.5", "env=breakout"]
    assert continued_config(tmp_path, composed(*same), same).agent.discount == 0.5


def test_the_number_of_emulator_threads_changes_nothing(tmp_path: Path) -> None:
    """Which is why it may change when a run goes on."""
    tiny = ["env.num_envs=3", "env.screen_size=36", "network=mlp", "network.hidden=[8]"]
    steps = ["total_steps=300", "learning_starts=60", "buffer.capacity=200", "cpu_threads=1"]
    scored = ["evaluation.episodes=1", "evaluation.max_frames=40", "tracker.mode=disabled"]
    weights = []
    for threads in (1, 3):
        run = tmp_path / str(threads)
        run.mkdir()
        train(composed(*tiny, *steps, *scored, f"env.num_threads={threads}"), run)
        weights.append(checkpoint.find(run, "latest").path / checkpoint.WEIGHTS)
    assert weights[0].read_bytes() == weights[1].read_bytes()
    train(composed(*tiny, *steps, *scored, "env.num_threads=2", "total_steps=330"), run)


def test_an_environment_that_plays_otherwise_is_noticed(tmp_path: Path) -> None:
    train(composed(*SILENT), tmp_path)
    saved = checkpoint.find(tmp_path, "latest")
    run = state.load(saved.path / parts.file_of("player"))
    run["env"]["base"]["frame"] += 1
    files = {name: (saved.path / name).read_bytes() for name in saved.files}
    files |= {parts.file_of("player"): saved_bytes(tmp_path / "changed", run)}
    writers = {name: partial(write, content) for name, content in files.items()}
    checkpoint.save(tmp_path, saved.step, writers, keep=1, score=saved.score)
    with pytest.raises(StateError, match="env: shows something else after the same actions"):
        train(composed(*SILENT, "total_steps=700"), tmp_path)


def test_damaged_weights_are_not_played_with(tmp_path: Path) -> None:
    """The network would load: the bit lies in a number."""
    train(composed(*SILENT), tmp_path)
    saved = checkpoint.find(tmp_path, "latest")
    path = saved.path / checkpoint.WEIGHTS
    content = bytearray(path.read_bytes())
    number = saved.weights()["head.layers.0.weight"].numpy().tobytes()[:16]
    content[content.index(number)] ^= 1
    path.write_bytes(content)
    assert saved.weights()["head.layers.0.weight"].numpy().tobytes()[:16] != number
    with pytest.raises(StateError, match=r"damaged: network\.pt; must be as SHA256SUMS says"):
        load(tmp_path)


def test_a_pipe_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "history.csv")
    with pytest.raises(ConfigError, match=r"history\.csv: must be a file, not a pipe"):
        train(composed(*SILENT), tmp_path)


def test_a_link_that_would_be_written_through_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine\n")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "history.csv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"history\.csv: must not be a link"):
        train(composed(*SILENT), tmp_path / "run")
    assert (tmp_path / "elsewhere").read_text() == "mine\n"
