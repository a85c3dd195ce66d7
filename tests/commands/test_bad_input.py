"""Every mistake gets one line that names key, value and what is allowed, before anything starts."""

import shlex
import sys
from pathlib import Path

import pytest

from dqn_experiments.commands import evaluate, watch
from dqn_experiments.commands.train import main
from dqn_experiments.config.compose import composed
from dqn_experiments.run.stored import store_config

MISTAKES = {
    # unknown keys and options
    "env=brekout": "env=brekout: did you mean breakout? must be one of adventure, air_raid",
    "agent=dqm": "agent=dqm: did you mean dqn? must be one of double_dqn, dqn",
    "optimizer=adamw": "optimizer=adamw: did you mean adam? must be one of adam, rmsprop",
    "experiment=nature": "must be one of cartpole, nature_2015, seed_notebook",
    "optimizer.lrr=1": "optimizer.lrr: unknown key; did you mean lr? must be one of",
    "+optimizer.momentum=1": "optimizer.momentum: unknown key; must be one of lr, betas, eps",
    "total_stepz=5": "total_stepz: unknown key; did you mean total_steps?",
    "+foo=1": "foo: unknown key; must be one of seed, device",
    "optimizer=null": "Config group override must be a string or a list",
    "just_a_word": "missing EQUAL",
    # types
    "optimizer.lr=fast": "optimizer.lr=fast: must be a valid number",
    "total_steps=1.5": "total_steps=1.5: must be a valid integer",
    "seed=null": "seed=None: must be a valid integer",
    "env.clip_rewards=perhaps": "env.clip_rewards=perhaps: must be a valid boolean",
    "agent.loss=l1": "agent.loss=l1: must be 'huber' or 'mse'",
    "tracker.mode=maybe": "must be 'auto', 'online', 'offline' or 'disabled'",
    "env.rom=zelda": "env.rom=zelda: must be one of adventure",
    # ranges
    "optimizer.lr=0": "optimizer.lr=0: must be greater than 0",
    "optimizer.lr=-1e-4": "optimizer.lr=-0.0001: must be greater than 0",
    "optimizer.betas=[1.0,0.9]": "optimizer.betas.0=1.0: must be less than 1",
    "env.screen_size=20": "env.screen_size=20: must be greater than or equal to 36",
    "env.frame_stack=300": "env.frame_stack=300: must be less than or equal to 255",
    "tracker.project=a/b": "tracker.project=a/b: String must match pattern",
    "optimizer.lr=nan": "optimizer.lr=nan: must be a finite number",
    "optimizer.lr=inf": "optimizer.lr=inf: must be a finite number",
    "total_steps=0": "total_steps=0: must be greater than or equal to 1",
    "update_every=0": "update_every=0: must be greater than or equal to 1",
    "learning_starts=-1": "learning_starts=-1: must be greater than or equal to 0",
    "seed=-1": "seed=-1: must be greater than or equal to 0",
    "env.num_envs=0": "env.num_envs=0: must be greater than or equal to 1",
    "agent.discount=1.01": "agent.discount=1.01: must be less than or equal to 1",
    "agent.target_update_every=0": "agent.target_update_every=0: must be greater than",
    "schedule.start=1.1": "schedule.start=1.1: must be less than or equal to 1",
    "schedule.end=-0.1": "schedule.end=-0.1: must be greater than or equal to 0",
    "evaluation.epsilon=2": "evaluation.epsilon=2: must be less than or equal to 1",
    "evaluation.episodes=0": "evaluation.episodes=0: must be greater than or equal to 1",
    "checkpoint.keep=0": "checkpoint.keep=0: must be greater than or equal to 1",
    "buffer=prioritized buffer.beta.start=2": "buffer.beta.start=2: must be less than or equal to",
    "buffer=prioritized buffer.beta=3": "conf/schedule, chosen by schedule@buffer.beta=",
    "buffer=prioritized buffer.alpha=1.5": "buffer.alpha=1.5: must be less than or equal to 1",
    "buffer.compression=gzip": "buffer.compression=gzip: must be 'zstd' or 'none'",
    "network=mlp network.hidden=[]": "network.hidden=[]: List must have at least 1 item",
    # what only goes wrong together
    "buffer.capacity=16": "buffer.capacity=16: must be at least buffer.batch_size=32",
    "buffer.capacity=50_000": "learning_starts=75000: must be at most buffer.capacity=50000",
    "learning_starts=0": "learning_starts=0: must be at least 1",
    "env=cartpole": "network=nature_cnn: takes image observations and the environment shows",
    "env=gymnasium network=mlp": "env.id: no value given",
    "env=gymnasium env.id=Zelda-v0 network=mlp": "env.id=Zelda-v0: must be an id that gymnasium",
    "learning_starts=9 total_steps=9": "learning_starts=9: must be less than total_steps=9",
    "buffer.capacity=40 env.num_envs=16": "buffer.capacity=40: must be at least 48",
    "device=cpu buffer.device=cuda": "buffer.device=cuda: must be auto or cpu, as the run",
    "'seed=${nope}'": "seed: Interpolation key 'nope' not found",
    # what is not there, or not allowed
    "device=cuda:7": "device=cuda:7: must be auto or one of the devices here",
    "device=tpu": "device=tpu: must be auto or one of the devices here",
    "hydra.run.dir=/dev/null/run": "hydra.run.dir: /dev/null/run cannot be written",
    "hydra.run.dir=": "hydra.run.dir=: must be a directory",
    "network._target_=os.system": "network._target_=os.system: must be a class in",
    "network._target_=dqn_experiments.network.torso_and_head.several": "must be a class in",
    "buffer=prioritized buffer.beta._target_=os.system": "buffer.beta._target_=os.system: must be",
    "network._target_=dqn_experiments.agent.dqn.DQN": "must be a class in dqn_experiments.network",
}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        raise AssertionError("an environment was started")

    monkeypatch.setattr("ale_py.vector_env.AtariVectorEnv.__init__", started)
    monkeypatch.setattr("gymnasium.make_vec", started)
    monkeypatch.setattr("gymnasium.make", started)


def told(capfd: pytest.CaptureFixture[str], stop: pytest.ExceptionInfo[SystemExit]) -> str:
    """The one line on stderr of a command that ended with exit code 2."""
    output = capfd.readouterr()
    assert stop.value.code == 2
    lines = output.err.strip().splitlines()
    assert len(lines) == 1, output.err
    assert lines[0].startswith("error: ")
    assert "Traceback" not in output.err + output.out
    return lines[0]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_training(
    mistake: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", *shlex.split(mistake)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert MISTAKES[mistake] in told(capfd, stop)


@pytest.mark.parametrize("command", [evaluate.main, watch.main])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "run: no value given; set it with run=<value>"),
        ("run=nowhere", "run=nowhere: "),
        ("run=empty", "run=empty: must be a run directory; it has no config.yaml"),
        ("run=untrained", "run=untrained: has no checkpoint"),
        ("run=untrained epsilon=3", "epsilon=3: must be less than or equal to 1"),
        ("run=untrained device=tpu", "device=tpu: must be auto or one of the devices here"),
        ("run=garbage", "run=garbage: config.yaml cannot be read as yaml"),
        ("run=bomb", "run=bomb: config.yaml cannot be read as yaml"),
        ("run=deep", "run=deep: config.yaml cannot be read as yaml"),
        ("run=code", "run=code: config.yaml cannot be read as yaml"),
        ("run=curious", "run=curious: config.yaml must be a run's config in plain values"),
        ("run=untrained colour=red", "colour: unknown key"),
    ],
)
def test_a_mistake_with_a_run_directory(
    command: object,
    arguments: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    Path("empty").mkdir()
    for name in ("untrained", "garbage", "curious", "bomb", "deep", "code"):
        Path(name).mkdir()
    Path("garbage/config.yaml").write_bytes(b"a: [1\nb: }\xff")
    Path("curious/config.yaml").write_text(r'tracker: {project: "\x24{oc.env:WANDB_API_KEY}"}')
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'])}]" for n in range(12)]
    Path("bomb/config.yaml").write_text("\n".join(lines))
    Path("deep/config.yaml").write_text("[" * 100_000)
    Path("code/config.yaml").write_text("!!python/object/apply:os.system ['touch executed']")
    store_config(Path("untrained"), composed())
    monkeypatch.setattr(sys, "argv", ["command", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        command()  # type: ignore[operator]
    assert message in told(capfd, stop)
