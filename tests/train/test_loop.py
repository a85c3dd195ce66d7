"""Learner, player and loop beside a slow Algorithm 1: the same actions, batches and weights."""

from threading import Event
from typing import Any

import numpy as np
import pytest
import torch

from dqn_experiments.config.compose import composed
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.train.assembly import assembled
from dqn_experiments.train.loop import Loop
from tests.train.slow_algorithm import Settings, SlowAlgorithm

STEPS = 610  # of which no target period is a divisor
COMMON = (
    "env=cartpole",
    "network=mlp",
    "network.hidden=[16,8]",
    "total_steps=1000",
    "learning_starts=96",
    "buffer.batch_size=8",
    "buffer.capacity=1000",
    "schedule.end=0.2",
    "schedule.steps=300",
    "optimizer.lr=3e-3",
    "tracker.mode=disabled",
)
VARIANTS: dict[str, tuple[str, ...]] = {
    "plain": ("update_every=3", "agent.target_update_every=50"),
    "double, squared": (
        "agent=double_dqn",
        "agent.loss=mse",
        "update_every=4",
        "agent.target_update_every=30",
    ),
    "three environments, n steps": (
        "env.num_envs=3",
        "buffer.n_step=3",
        "update_every=2",
        "agent.target_update_every=35",
        "agent.discount=0.9",
    ),
    "updates beside a step": (
        "env.num_envs=3",
        "overlap_updates=true",
        "buffer.read_ahead=false",
        "update_every=2",
        "agent.target_update_every=35",
    ),
    "prioritized": (
        "buffer=prioritized",
        "env.num_envs=2",
        "buffer.read_ahead=false",
        "update_every=5",
        "agent.target_update_every=40",
    ),
}


class Watched:
    """A run whose actions, batches and updates are written down as they happen."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.actions: list[list[int]] = []
        self.batches: list[Any] = []
        self.priorities: list[list[float]] = []
        self.losses: list[float] = []
        self.frames = np.ones(loop.player.num_envs, int)  # that came, first ones too
        self.complete: list[Any] = []  # transitions at each draw: all before that many frames
        add, sample, update = loop.replay.add, loop.replay.sample, loop.learner.update
        prioritize = loop.replay.update

        def added(action: Any, timestep: Any) -> None:
            self.actions.append(action.tolist())
            self.frames += 1 + timestep.done
            add(action, timestep)

        def sampled() -> Any:
            self.complete.append(self.frames - 1)
            self.batches.append(sample())
            return self.batches[-1]

        def updated(batch: Any, step: int) -> Any:
            assert step == loop.step
            result = update(batch, step)
            assert batch is self.batches[-1]
            self.losses.append(float(result.loss))
            return result

        def prioritized(index: Any, priority: Any) -> None:
            assert index is self.batches[-1].index
            self.priorities.append(priority.tolist())
            prioritize(index, priority)

        loop.replay.add, loop.replay.sample = added, sampled  # type: ignore[method-assign]
        loop.replay.update, loop.learner.update = prioritized, updated  # type: ignore[method-assign]


def slow_twin(config: Any, weights: list[torch.Tensor], batches: list[Any]) -> SlowAlgorithm:
    """The slow algorithm with the same seeds, which reads the same transitions."""
    playing, exploring, _, _ = np.random.SeedSequence(config.seed).spawn(4)
    num_envs = config.env.num_envs
    settings = Settings(
        num_envs=num_envs,
        env_seed=int(np.random.default_rng(playing).integers(2**30)),
        learning_starts=config.learning_starts,
        update_every=config.update_every,
        target_update_every=config.agent.target_update_every,
        discount=config.agent.discount,
        double=config.agent.double,
        huber=config.agent.loss == "huber",
        lr=config.optimizer.lr,
        start=config.schedule.start,
        end=config.schedule.end,
        decay_steps=config.schedule.steps,
        n_step=config.buffer.n_step,
    )

    def choose(number: int) -> tuple[list[tuple[int, int]], list[float]]:
        """An index counts the frames of an environment, the last one of every episode too."""
        batch, where = batches[number], []
        for index in batch.index.tolist():
            slot, env = divmod(index, num_envs)
            lasts, t = 0, 0
            while t + lasts < slot:
                lasts += slow.lived[env][t].done
                t += 1
            where.append((env, t))
        return where, batch.weight.tolist()

    slow = SlowAlgorithm(settings, weights, np.random.default_rng(exploring), choose)
    return slow


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_step_is_that_of_a_slow_algorithm_1(variant: str) -> None:
    config = composed(*COMMON, *VARIANTS[variant])
    loop = assembled(config, torch.device("cpu"))
    watched = Watched(loop)
    network, target = loop.learner.network, loop.learner.target_network
    slow = slow_twin(config, [w.detach() for w in network.parameters()], watched.batches)
    loop.start()
    rows = []
    while loop.step < STEPS:
        rows += loop.advance()
        slow.run(loop.step)
        assert watched.actions == slow.actions
        assert len(watched.losses) == slow.updates
    assert slow.updates > 80
    np.testing.assert_allclose(watched.losses, slow.losses, rtol=1e-3, atol=1e-5)
    for found, expected in zip(watched.priorities, slow.priorities, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    for weights, expected_weights in ((network, slow.weights), (target, slow.target)):
        for found_w, expected_w in zip(weights.parameters(), expected_weights, strict=True):
            torch.testing.assert_close(found_w, expected_w, rtol=1e-3, atol=1e-4)
    assert not all(map(torch.equal, network.parameters(), target.parameters()))
    total, number = loop.losses.so_far()
    assert (total, number) == (pytest.approx(sum(watched.losses)), slow.updates)

    found_rows = [(row.step, row.episode_return, row.episode_length, row.epsilon) for row in rows]
    np.testing.assert_allclose(found_rows, slow.episodes)


def test_the_priorities_of_the_rule_decide_over_the_weights_of_later_batches() -> None:
    """Schaul et al. 2016: w = (p / min p)^-beta, p what was last learned or else the largest."""
    config = composed(*COMMON, *VARIANTS["prioritized"])
    loop = assembled(config, torch.device("cpu"))
    watched = Watched(loop)
    loop.start()
    steps: list[int] = []
    while loop.step < STEPS:
        loop.advance()
        steps += [loop.step] * (len(watched.batches) - len(steps))
    priority: dict[int, float] = {}
    largest = 1.0
    came_in = np.zeros(2, int)
    for draw, (step, batch) in enumerate(zip(steps, watched.batches, strict=True)):
        for env, number in enumerate(watched.complete[draw]):
            new = range(came_in[env], number)
            priority.update({each * 2 + env: largest for each in new})
        came_in = watched.complete[draw]
        index, given = batch.index.tolist(), watched.priorities[draw]
        p = np.array([priority[each] for each in index]) ** 0.6
        beta = 0.4 + 0.6 * step / config.total_steps
        np.testing.assert_allclose(batch.weight, (p / p.min()) ** -beta, rtol=1e-5)
        priority.update(zip(index, np.array(given) + 1e-6, strict=True))
        largest = max(largest, *priority.values())
    assert len(set(priority.values())) > 100


def test_environments_step_while_updates_see_what_was_before() -> None:
    config = composed(*COMMON, *VARIANTS["updates beside a step"])
    loop: Any = assembled(config, torch.device("cpu"))
    step, learn = loop.player._env.step, loop._learn
    stepping, learned = Event(), Event()

    def until_it_has_learned(action: Any) -> Timestep:
        stepping.set()
        assert learned.wait(60)
        stepping.clear()
        learned.clear()
        outcome: Timestep = step(action)
        return outcome

    def during_a_step() -> None:
        assert stepping.wait(60)
        before = len(loop.replay)
        learn()
        assert len(loop.replay) == before
        learned.set()

    loop.player._env.step, loop._learn = until_it_has_learned, during_a_step
    loop.start()
    while loop.step < STEPS:
        loop.advance()
    assert loop.learner.updates == (loop.step - 96) // 2
    loop.player.close()
