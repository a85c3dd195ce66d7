"""Freeze two runs of the version at hand: python tests/frozen/make.py."""

from pathlib import Path

from dqn_experiments import __version__, compose, train

COMMON = (
    "tracker.mode=disabled",
    "cpu_threads=1",
    "total_steps=900",
    "learning_starts=100",
    "buffer.batch_size=16",
    "pause_after=600",
    "evaluation.episodes=3",
    "evaluation.num_envs=2",
)
RUNS = {
    "cartpole": ("experiment=cartpole", "network.hidden=[32]", "buffer.capacity=700"),
    "breakout": (
        "env=breakout",
        "env.num_envs=2",
        "env.screen_size=36",
        "network=mlp",
        "network/torso=mlp",
        "network.torso.hidden=[2]",
        "network.hidden=[8]",
        "network.dueling=true",
        "agent=double_dqn",
        "buffer=prioritized",
        "buffer.n_step=3",
        "buffer.capacity=700",
        "evaluation.max_frames=600",
    ),
}

if __name__ == "__main__":
    for name, overrides in RUNS.items():
        outcome = train(compose(*overrides, *COMMON), Path(__file__).parent / __version__ / name)
        print(outcome)
