"""From a config to the parts that train, each with random streams of its own."""

import logging
from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import torch
from omegaconf import DictConfig

from dqn_experiments.config.components import build_env, build_epsilon, build_replay
from dqn_experiments.config.protocol import protocol_told
from dqn_experiments.config.together import check_rule
from dqn_experiments.experience.spec import ReplaySpec
from dqn_experiments.machine.captured import are_captured
from dqn_experiments.run.initial_weights import naming_source, read_weights
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.loop import Loop
from dqn_experiments.train.modes import noisy_modules
from dqn_experiments.train.player import Player
from dqn_experiments.train.policy import EpsilonGreedy
from dqn_experiments.train.recorded_env import RecordedEnv

log = logging.getLogger(__name__)

MUCH = 0.5
"""An epsilon at the end of a run, above which it is told."""


def assembled(
    config: DictConfig,
    device: torch.device,
    between_steps: Callable[[], None] = lambda: None,
    begins: bool = True,
) -> Loop:
    """The loop of a run that has not begun.

    Args:
        config: a checked one.
        device: of the networks and batches.
        between_steps: called while environments are brought back to where they were; what it
            raises ends that.
        begins: whether it will begin from nothing, and so from `initial_weights` if there are any;
            a run that goes on needs them no more.

    Raises:
        ConfigError: if the initial weights cannot be read, or are of another network; or if rule
            and network do not go together.
    """
    check_rule(config)
    source = config.initial_weights if begins else None
    weights = read_weights(source) if source else None  # before any environment starts
    playing, exploring, drawing, acting = np.random.SeedSequence(config.seed).spawn(4)
    env = build_env(config)
    with ExitStack() as on_failure:
        on_failure.callback(env.close)
        learner = Learner(config, env.observation_shape, env.num_actions, device)
        if weights is not None:
            with naming_source(config.initial_weights):
                learner.begin_with(weights)
        policy = EpsilonGreedy(
            learner.network,
            learner.rule.values,
            env.num_actions,
            np.random.default_rng(exploring),
            int(acting.generate_state(1)[0]),
            device,
            noisy=True,
            graphs=are_captured(config.cuda_graphs, device, learner.rule, learner.network),
        )
        recorded = RecordedEnv(env, np.random.default_rng(playing), between_steps)
        shows = env.observation_shape, env.dtype
        player = Player(recorded, policy, *shows, own_thread=config.overlap_updates)
        draws = np.random.default_rng(drawing)
        spec = ReplaySpec(env.num_envs, env.observation_shape, env.dtype, draws, device)
        loop = Loop(config, player, build_replay(config, spec), learner)
        _tell_of_departures(config)
        _tell_of_two_explorers(config, learner)
        _tell_of_much_exploration(config)
        on_failure.pop_all()
    return loop


def _tell_of_departures(config: DictConfig) -> None:
    """A recipe's own values go before those of a protocol, and every score tells so."""
    told = protocol_told(config)
    if told != config.protocol:
        log.info(f"scores will be by protocol={told}")


def _tell_of_two_explorers(config: DictConfig, learner: Learner) -> None:
    """Some recipes explore by noise and epsilon at once; who forgot the one is told."""
    first, last = map(build_epsilon(config), (0, config.total_steps))
    if noisy_modules(learner.network) and max(first, last) > 0:
        log.info(
            f"the network's noise explores and so does epsilon, {first:g} at first and {last:g} at "
            "the end; an epsilon of 0 would leave it to the noise"
        )


def _tell_of_much_exploration(config: DictConfig) -> None:
    """Who shortens a run may forget its schedule."""
    last = build_epsilon(config)(config.total_steps)
    if last > MUCH:
        log.info(
            f"epsilon is still {last:.2g} when the run ends, so most actions are random; "
            "schedule says when it falls"
        )
