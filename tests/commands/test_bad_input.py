"""Every mistake gets one line that names key, value and what is allowed, before anything starts."""

import errno
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from dqn_experiments.commands import evaluate, watch
from dqn_experiments.commands.train import main
from dqn_experiments.config.compose import composed
from dqn_experiments.run.stored import store_config

AGENTS = "c51, double_dqn, dqn, iqn, munchausen_dqn, munchausen_iqn, qr_dqn"

MISTAKES = {
    # unknown keys and options
    "env=brekout": "env=brekout: did you mean breakout? must be one of adventure, air_raid",
    "agent=dqm": f"agent=dqm: did you mean dqn? must be one of {AGENTS}",
    "optimizer=adamax": "optimizer=adamax: did you mean adam? must be one of adam, adamw, radam",
    "experiment=nature": "must be one of cartpole, nature_2015, seed_notebook",
    "optimizer.lrr=1": "optimizer.lrr: unknown key; did you mean lr? must be one of",
    "+optimizer.momentum=1": "optimizer.momentum: unknown key; must be one of betas, eps, w",
    "total_stepz=5": "total_stepz: unknown key; did you mean total_steps?",
    "+foo=1": "foo: unknown key; must be one of seed, device",
    "schedule=importance": "schedule=importance: must be one of constant, exponential, linear",
    "network/torso=nature": "network/torso=nature: did you mean nature_cnn? must be one of data_e",
    "buffer=prioritized buffer/beta=x": "buffer/beta=x: must be one of constant, exponential, lin",
    "buffer/beta=constant": "buffer/beta: the buffer that is chosen has no beta",
    "buffer=prioritized schedule@buffer.beta=linear": "is chosen by buffer/beta=<name>",
    "network/foo=3": "network/foo: unknown group; did you mean network/torso? must be one of agent",
    "network.torso.hidden=3": "network.torso.hidden: unknown key; must be one of padding, lay",
    "+checkpoint.foo=1": "checkpoint.foo: unknown key; must be one of every, keep",
    # no option at all, or more than one
    "optimizer=null": "optimizer=null: must be one of adam, adamw, radam, rmsprop",
    "tracker=null": "tracker=null: must be one of wandb; tracker.mode=disabled sends nothing",
    "evaluation=null": "evaluation=null: must be one of fixed_quota; evaluation.every=0 scores",
    "experiment=null": "experiment=null: must be one of cartpole, nature_2015, seed_notebook; left",
    "network/torso=null": "network/torso=null: must be one of data_efficient, impala, mlp, nature",
    "agent=": f"agent=: must be one of {AGENTS}",
    "~tracker": "~tracker: cannot be left out; must be one of wandb; tracker.mode=disabled",
    "~env": "~env: cannot be left out; must be one of adventure",
    "~network/torso": "~network/torso: cannot be left out; must be one of data_efficient, impala",
    "agent=[dqn]": f"agent=[dqn]: must be one of {AGENTS}",
    "experiment=[cartpole,b]": "experiment=b: must be one of cartpole, nature_2015, seed_notebook",
    "experiment={a: 1}": "must be one of cartpole, nature_2015, seed_notebook",
    "agent=3": f"agent=3: must be one of {AGENTS}",
    "+agent=dqn": "+agent=dqn: must be without a sign, agent=dqn",
    "++agent=dqn": "++agent=dqn: must be without a sign, agent=dqn",
    "hydra/launcher=null": "hydra/launcher=null: must be the name of an option",
    "hydra/launcher=joblob": "hydra/launcher=joblob: did you mean joblib? must be one of basic",
    # what is no override, or of no key
    "just_a_word": "just_a_word: cannot be read as <key>=<value> (missing EQUAL",
    "tracker.name=[a": "tracker.name=[a: cannot be read as <key>=<value>",
    "=3": "=3: must be <key>=<value>",
    "hydra=3": "hydra=3: must be <key>=<value>, such as hydra.run.dir=",
    "~seed": "seed: no value given; set it with seed=<value>",
    "~checkpoint": "checkpoint: no value given; set it with checkpoint.every=<value>",
    "~optimizer.lr": "optimizer.lr: no value given; set it with optimizer.lr=<value>",
    "~optimizer._target_": "optimizer._target_: no value given; must be a class in dqn_exp",
    "~resume": "~resume: must be auto or the directory of a run",
    "resume=": "resume=: must be auto or the directory of a run",
    "resume=[a]": "resume=[a]: must be auto or the directory of a run",
    # sweeps
    "-m agent=glob(x*)": f"agent=glob(x*): is none of them; must be one of {AGENTS}",
    "-m agent=dqn,null": f"agent=dqn,null: must be one of {AGENTS}",
    "-m seed=range(3,1)": "seed=range(3,1): has no values",
    "-m seed=range(1,3,0)": "seed=range(1,3,0): range() arg 3 must not be zero",
    "-m seed=interval(0,1)": "seed=interval(0,1): needs a sweeper that searches: hydra/sweeper=opt",
    "-m seed=1,2 hydra.sweep.dir=": "hydra.sweep.dir=: must be a directory",
    "-m seed=1,2 hydra.sweep.dir=/dev/null/s": "hydra.sweep.dir: /dev/null/s cannot be written",
    "-m seed=range(0,nan)": "seed=range(0,nan): must go from a number to a number",
    "-m seed=range(0,1e12)": "seed=range(0,1e12): makes more than 100,000 jobs of the sweep; must",
    "-m seed=shuffle(range(0,inf))": "seed=shuffle(range(0,inf)): makes more than 100,000 jobs",
    "-m update_every=range(1,400) seed=range(0,400)": "seed=range(0,400): makes more than 100,000",
    "seed=range(1,3)": "'seed=range(1,3)' requires --multirun",
    # keys of hydra
    "hydra.job.chdir=maybe": "hydra.job.chdir=maybe: Value 'maybe' is not a valid bool",
    "hydra.run=3": "hydra.run=3: Invalid type assigned",
    "hydra.run.dir=[a]": "hydra.run.dir=[a]: must be a directory",
    "hydra.verbose=[1]": "hydra.verbose=[1]: must be true, false, or names of loggers, such as",
    "hydra.verbose=null": "hydra.verbose=null: must be true, false, or names of loggers",
    "'hydra.verbose=${seed}'": "(HYDRA_FULL_ERROR=1 shows where)",
    # flags
    "--config-dir nowhere": "--config-dir nowhere: must be a folder of configs",
    "--config-dir run": "--config-dir run: must be a folder of configs, and is the",
    "--config-path nowhere": "--config-path nowhere: must be a folder of configs",
    "--config-path mine": "--config-path mine: must have a config.yaml; configs that are added",
    "--config-path run --config-name config": "; resume=run goes on with it, --experimental-rerun "
    "run hydra.run.dir=<new directory> begins it anew",
    "--config-name nope": "--config-name nope: must be config, or a file in the folder that",
    "--config-name evaluate": "--config-name evaluate: must be config, or a file in the folder",
    "--config-dir mine --config-name main": "device: no value given; set it with device=<value>, "
    "or begin the defaults of your main config with config",
    "--config-dir mine optimizer=broken": "broken.yaml: cannot be read as yaml (",
    "--config-dir mine optimizer=dangling": "'optimizer/dangling': optimizer=gone: must be one of",
    "--config-dir mine optimizer=empty": "optimizer._target_: no value given; must be a class in",
    "--experimental-rerun mine": "--experimental-rerun mine: must be the directory of a run that",
    # types
    "optimizer.lr=fast": "optimizer.lr=fast: must be a valid number",
    "total_steps=1.5": "total_steps=1.5: must be a valid integer",
    "seed=null": "seed=null: must be a valid integer",
    "env.clip_rewards=perhaps": "env.clip_rewards=perhaps: must be a valid boolean",
    "agent.loss=l1": "agent.loss=l1: must be 'huber' or 'mse'",
    "tracker.tags=[1]": "tracker.tags.0=1: must be a valid string, in two pairs of quotes: '\"1\"'",
    "optimizer.betas=[0.9]": "optimizer.betas=[0.9]: must have more values",
    "optimizer.betas={a: 1}": "optimizer.betas={a: 1}: Cannot merge",
    "checkpoint=3": "checkpoint=3: must be set by checkpoint.every, checkpoint.keep",
    "trust=../x": "trust=../x: must be names of packages",
    "pause_after=3w": "pause_after=3w: must be a number of steps, or a duration in d, h, m and s",
    "tracker.mode=maybe": "must be 'auto', 'online', 'offline' or 'disabled'",
    "env.rom=zelda": "env.rom=zelda: must be one of adventure",
    # ranges
    "optimizer.lr=0": "optimizer.lr=0: must be greater than 0",
    "optimizer.lr=-1e-4": "optimizer.lr=-0.0001: must be greater than 0",
    "optimizer.betas=[1.0,0.9]": "optimizer.betas.0=1.0: must be less than 1",
    "env.screen_size=20": "env.screen_size=20: must be greater than or equal to 36",
    "env.frame_stack=300": "env.frame_stack=300: must be less than or equal to 255",
    "tracker.project=a/b": "tracker.project=a/b: String must match pattern",
    "optimizer.max_grad_norm=0": "optimizer.max_grad_norm=0: must be greater than 0",
    "optimizer.lr_factor.value=2": "optimizer.lr_factor.value=2: must be less than or equal to 1",
    "augmentation=random_shift augmentation.pad=-1": "augmentation.pad=-1: must be greater than",
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
    "buffer=prioritized buffer.beta=3": "buffer.beta=3: must be chosen by buffer/beta=",
    "buffer=prioritized buffer.uniform_mix=2": "buffer.uniform_mix=2: must be less than or equal",
    "buffer=prioritized buffer.max_priority=0": "buffer.max_priority=0: must be greater than 0",
    "buffer=prioritized buffer.alpha=1.5": "buffer.alpha=1.5: must be less than or equal to 1",
    "buffer.compression=gzip": "buffer.compression=gzip: must be 'zstd' or 'none'",
    "network=mlp network.hidden=[]": "network.hidden=[]: List must have at least 1 item",
    # what only goes wrong together
    "buffer.capacity=16": "buffer.capacity=16: must be at least buffer.batch_size=32",
    "buffer.capacity=50_000": "learning_starts=75000: must be at most buffer.capacity=50000",
    "learning_starts=0": "learning_starts=0: must be at least 1",
    "env=cartpole": "network/torso=nature_cnn: takes image observations and the environment shows",
    "env=cartpole network=mlp augmentation=random_shift": "augmentation=random_shift: takes image "
    "observations and the environment shows vectors; try augmentation=none",
    "env=gymnasium network=mlp": "env.id: no value given",
    "env=gymnasium env.id=Zelda-v0 network=mlp": "env.id=Zelda-v0: must be an id that gymnasium",
    "learning_starts=9 total_steps=9": "learning_starts=9: must be less than total_steps=9",
    "buffer.capacity=40 env.num_envs=16": "buffer.capacity=40: must be at least 48",
    "device=cpu buffer.device=cuda": "buffer.device=cuda: must be auto or cpu, as the run",
    "'seed=${nope}'": "seed: Interpolation key 'nope' not found; must be another key",
    "'hydra.run.dir=${nope}'": "hydra.run.dir: Interpolation key 'nope' not found; must be another",
    "'seed=${optimizer.nope}'": "seed: Interpolation key 'optimizer.nope' not found; must be ano",
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
    store_config(made("run/.hydra/hydra.yaml").parent.parent, composed())
    made("mine/main.yaml", "seed: 3\n")
    made("mine/optimizer/broken.yaml", "a: [1")
    made("mine/optimizer/dangling.yaml", "defaults:\n  - gone\n")
    made("mine/optimizer/empty.yaml")
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", *split(mistake)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert MISTAKES[mistake] in told(capfd, stop)


def split(line: str) -> list[str]:
    """The arguments of a command line; braces and brackets with blanks in them are one."""
    return shlex.split(line) if ": " not in line else [line]


def made(name: str, content: str = "") -> Path:
    """A file in the current folder."""
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


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
        ("run=untrained env=null", "env=null: must be left out; a run has its own"),
        ("run=untrained/config.yaml", "run=untrained/config.yaml: must be a directory"),
        ("run=null", "run=null: must be a directory"),
        ("run=optionless", "agent._option_=: must be one of c51, dqn, iqn, qr_dqn"),
        ("--config-path untrained", "resume=untrained goes on with it"),
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
    for name in ("untrained", "garbage", "curious", "bomb", "deep", "code", "optionless"):
        Path(name).mkdir()
    Path("garbage/config.yaml").write_bytes(b"a: [1\nb: }\xff")
    Path("curious/config.yaml").write_text(r'tracker: {project: "\x24{oc.env:WANDB_API_KEY}"}')
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9 if n else ['x'])}]" for n in range(12)]
    Path("bomb/config.yaml").write_text("\n".join(lines))
    Path("deep/config.yaml").write_text("[" * 100_000)
    Path("code/config.yaml").write_text("!!python/object/apply:os.system ['touch executed']")
    for name in ("untrained", "optionless"):
        store_config(Path(name), composed())
    optionless = Path("optionless/config.yaml").read_text().replace("  _option_: dqn\n", "")
    Path("optionless/config.yaml").write_text(optionless)
    monkeypatch.setattr(sys, "argv", ["command", *arguments.split()])
    with pytest.raises(SystemExit) as stop:
        command()  # type: ignore[operator]
    assert message in told(capfd, stop)


def test_a_config_that_may_not_be_read_is_told_with_the_systems_reason(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("locked").mkdir()
    store_config(Path("locked"), composed())
    read = Path.read_text

    def refused(path: Path, *arguments: Any, **keywords: Any) -> str:
        if path == Path("locked/config.yaml"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "read_text", refused)  # permissions do not bind every user
    monkeypatch.setattr(sys, "argv", ["dqn_experiments", "resume=locked"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert "resume=locked: config.yaml cannot be read (Permission denied)" in told(capfd, stop)
