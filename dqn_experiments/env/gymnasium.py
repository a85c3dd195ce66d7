"""Any gymnasium environment with a discrete action space."""

import inspect
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from functools import cached_property, partial
from importlib import import_module
from typing import Annotated, Any

import gymnasium
import numpy as np
from gymnasium.spaces import flatten, flatten_space
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import iterate
from gymnasium.wrappers import FlattenObservation, TransformAction
from numpy.typing import NDArray
from pydantic import AfterValidator

from dqn_experiments.config.constraints import Count, FrameStackSize
from dqn_experiments.config.trust import how_to_trust, is_trusted
from dqn_experiments.env.plain_state import PlainState
from dqn_experiments.env.plain_values import NotPlainError
from dqn_experiments.errors import ConfigError, StateError
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.state import State, matching

Env = gymnasium.Env[Any, Any]
OURS = frozenset(inspect.signature(gymnasium.make).parameters) | frozenset(
    inspect.signature(gymnasium.make_vec).parameters
)
"""What gymnasium itself makes of arguments; this class says it, or nobody."""


def _registered(env_id: str) -> str:
    module, _, name = env_id.rpartition(":")
    if module and not is_trusted(module):
        raise ValueError(f"must be an id that gymnasium knows by itself; {how_to_trust(module)}")
    try:
        if module:
            import_module(module)  # which registers its environments
        gymnasium.spec(name)
    except (gymnasium.error.Error, ImportError) as error:
        raise ValueError(f"must be an id that gymnasium knows ({error})") from error
    return env_id


def _free_of_ours(arguments: dict[str, Any]) -> dict[str, Any]:
    for name in OURS & set(arguments):
        raise ValueError(f"must be arguments of the environment, and {name} is not for it")
    return arguments


class GymnasiumEnv:
    """N copies of `gymnasium.make(id)`, their observations flattened to vectors."""

    observation_kind = "vector"
    frame_skip = 1

    def __init__(
        self,
        *,
        id: Annotated[str, AfterValidator(_registered)],
        kwargs: Annotated[dict[str, Any], AfterValidator(_free_of_ours)],
        num_envs: Count,
        frame_stack: FrameStackSize,
        clip_rewards: bool,
        max_frames: Count | None,
    ) -> None:
        self._make = partial(_made, id, kwargs, max_frames)
        env = self._make(num_envs)
        if not isinstance(env.single_action_space, gymnasium.spaces.Discrete):
            raise ConfigError(f"env.id={id}: actions are {env.single_action_space}, not Discrete")
        self._space = env.single_observation_space
        self._env = env
        self._first_action = int(env.single_action_space.start)
        self._clip_rewards = clip_rewards
        self.num_envs = num_envs
        registered = env.spec.max_episode_steps if env.spec else None
        self.max_frames = registered if max_frames is None else max_frames
        self.num_actions = int(env.single_action_space.n)
        flat = flatten_space(self._space)
        if not isinstance(flat, gymnasium.spaces.Box):
            raise ConfigError(f"env.id={id}: observations are {self._space}, not a fixed size")
        self.dtype = np.dtype(np.uint8 if flat.dtype == np.uint8 else np.float32)
        self.observation_shape = (frame_stack, *flat.shape)
        self._frame: NDArray[np.generic] = np.zeros((num_envs, *flat.shape), self.dtype)

    def reset(self, seed: int, which: NDArray[np.bool_] | None = None) -> NDArray[np.generic]:
        """Start episodes, all randomness from `seed`.

        Args:
            seed: each environment has one of its own, this one or a following number.
            which: bool [N], environments to start; None: all.

        Returns:
            The observations of all environments, [N, features].
        """
        options = None if which is None else {"reset_mask": which}
        observation, _ = self._env.reset(seed=seed, options=options)
        frame = self._flatten(observation)
        if which is not None:
            frame = np.where(which[:, None], frame, self._frame)
        self._frame = frame
        return frame

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """Take `action` i64 [N]; ended episodes start anew."""
        observation, raw, terminated, truncated, info = self._env.step(action + self._first_action)
        done = terminated | truncated
        first_frame = self._frame = self._flatten(observation)
        frame = first_frame.copy()
        for index in np.flatnonzero(done):
            frame[index] = np.asarray(flatten(self._space, info["final_obs"][index]))
        score = raw.astype(np.float32)
        reward = np.sign(score) if self._clip_rewards else score
        return Timestep(frame, reward, score, terminated, done, first_frame)

    def _flatten(self, observation: Any) -> NDArray[np.generic]:
        each = iterate(self._env.observation_space, observation)
        flat = [np.asarray(flatten(self._space, one)) for one in each]
        return np.stack(flat).astype(self.dtype)

    @cached_property
    def _plain_state(self) -> PlainState | None:
        try:
            return PlainState(self._make)
        except Exception:  # not plain, or whatever a stranger's environment raises
            return None

    def state_dict(self) -> State | None:
        """Where the environments are; None if their attributes, as plain data, do not tell."""
        if self._plain_state is None:
            return None
        try:
            return {"frame": self._frame.copy(), **self._plain_state.written(self._env.envs)}
        except NotPlainError:  # now; an episode may have opened something
            return None

    def load_state_dict(self, state: State) -> None:
        """Put environments made anew where `state_dict` said; raises StateError."""
        if self._plain_state is None:
            raise StateError("environment: it has a state that is not plain data")
        frame = matching(state, "frame", self._frame)
        first_action = np.full(self.num_envs, self._first_action)
        with closing(self._plain_state.begun(self.num_envs)) as trial:
            self._plain_state.restore(trial.envs, state)
            try:
                trial.step(first_action)
            except Exception as error:  # numbers that no environment of this kind gets to
                raise StateError(f"environment: cannot go on from its state ({error})") from error
        env = self._plain_state.begun(self.num_envs)
        self._plain_state.restore(env.envs, state)
        self._env.close()
        self._env, self._frame = env, frame.copy()

    @staticmethod
    def viewable(
        render_mode: str,
        on_screen: Callable[[Env], Env],
        /,
        *,
        id: str,
        kwargs: dict[str, Any],
        max_frames: int | None,
        **_: Any,
    ) -> Env:
        """One copy for a spectator; `on_screen` wraps it before observations are flattened."""
        try:
            env = gymnasium.make(
                id, render_mode=render_mode, max_episode_steps=max_frames, **kwargs
            )
        except Exception as error:  # whatever a stranger's environment raises
            raise _not_made(id, kwargs, error) from error
        first_action = int(env.action_space.start)  # type: ignore[attr-defined]
        shifted = TransformAction(env, lambda action: action + first_action, env.action_space)
        return FlattenObservation(on_screen(shifted))

    def close(self) -> None:
        """Release the environments."""
        self._env.close()


def _made(id: str, kwargs: dict[str, Any], max_frames: int | None, num_envs: int) -> SyncVectorEnv:
    try:
        env: Any = gymnasium.make_vec(
            id,
            num_envs,
            vectorization_mode="sync",
            vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
            max_episode_steps=max_frames,
            **deepcopy(kwargs),
        )
    except Exception as error:  # whatever a stranger's environment raises
        raise _not_made(id, kwargs, error) from error
    return env


def _not_made(id: str, kwargs: dict[str, Any], error: Exception) -> ConfigError:
    with_them = f" with env.kwargs={kwargs}" if kwargs else ""
    return ConfigError(f"env.id={id}: cannot be made{with_them} ({error})")
