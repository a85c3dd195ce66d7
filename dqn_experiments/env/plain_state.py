"""The state of gymnasium environments, where it is made of nothing but plain data."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from enum import Enum
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import SyncVectorEnv

from dqn_experiments.env.plain_values import NotPlainError, Reader, Writer, texts_in
from dqn_experiments.errors import StateError
from dqn_experiments.state import State

Env = gymnasium.Env[Any, Any]
Make = Callable[[int], SyncVectorEnv]

NOT_STATE = {"spec", "_cached_spec", "render_mode"}
"""Attributes that gymnasium sets and no step changes."""
CONSTANTS = (FunctionType, BuiltinFunctionType, ModuleType, type, Enum, EnvSpec)
COMPOSITE_SPACES = (spaces.Dict, spaces.Tuple)
SPACES = (
    *(spaces.Box, spaces.Discrete, spaces.MultiBinary, spaces.MultiDiscrete),
    *COMPOSITE_SPACES,
)
KINDS = (
    (bool, int, float, np.bool_, np.number),
    (str,),
    (list, tuple, deque, np.ndarray),
    (dict,),
    (np.random.Generator,),
)
"""What may stand where another did: environments take a tuple for an array, an int for a float."""
FROM_SYSTEM = 2**64
"""Seeds that somebody chose are less."""
DAMAGE = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)
STEPS = 20
"""Of the proof that attributes are all there is."""


class PlainState:
    """What `make(number)` makes, written down and brought back.

    Everything is compared with an environment made anew, so what was written can be read by one
    that is made later, and nothing is set that such a one does not have.

    Raises:
        NotPlainError: if their attributes are not all of their state.
    """

    def __init__(self, make: Make) -> None:
        self._make = make
        self._new: Env = self.begun(1).envs[0]
        self._like = list(_attributes(self._new, self._new))
        self._texts = frozenset(texts_in(self._like))
        self.written([self._new])
        self._prove()

    def begun(self, number: int) -> SyncVectorEnv:
        """Environments that have all of their attributes.

        They have taken two steps, during which gymnasium's checks keep what an environment returns.
        """
        envs = self._make(number)
        envs.reset(seed=[0] * number)
        for _ in range(2):
            envs.step(np.full(number, envs.single_action_space.start))  # type: ignore[attr-defined]
        return envs

    def _prove(self) -> None:
        """What lies in a module or a library cannot be seen; so one has to go on as another did."""
        with closing(self.begun(1)) as original, closing(self.begun(1)) as follower:
            space: Any = original.single_action_space
            actions = space.start + np.random.default_rng(0).integers(space.n, size=(2, STEPS, 1))
            self._played(original, actions[0])
            state = self.written(original.envs)
            outcome = self._played(original, actions[1])
            self.restore(follower.envs, state)
            if self._played(follower, actions[1]) != outcome:
                raise NotPlainError("a state that is elsewhere than in attributes")

    def _played(self, envs: SyncVectorEnv, actions: Any) -> str:
        writer = Writer()
        timesteps = [writer.written(envs.step(action)[:4]) for action in actions]
        found = timesteps, writer.arrays, self.written(envs.envs)
        return json.dumps(found, default=lambda array: [array.dtype.str, array.tobytes().hex()])

    def written(self, envs: Sequence[Env]) -> State:
        """All attributes of environments and of their wrappers.

        Raises:
            NotPlainError: if that is not all of their state.
        """
        writer = Writer(self._texts)
        try:
            layers = [
                [
                    {name: writer.written(value) for name, value in attributes.items()}
                    for attributes in _attributes(env, self._new)
                ]
                for env in envs
            ]
        except (RecursionError, ValueError) as error:  # lists without end, other wrappers
            raise NotPlainError(str(error)) from error
        return {"layers": layers, "arrays": writer.arrays}

    def restore(self, envs: Sequence[Env], state: State) -> None:
        """Give environments that have `begun` what was written; raises StateError."""
        try:
            reader = Reader(state["arrays"], self._texts)
            for env, layers in zip(envs, state["layers"], strict=True):
                for layer, like, found in zip(_layers(env), self._like, layers, strict=True):
                    vars(layer).update(_read(reader, found, like))
        except DAMAGE as error:
            raise StateError(f"environment: must be the state of such a one ({error})") from error


def _read(reader: Reader, layer: State, like: State) -> State:
    if layer.keys() != like.keys():
        raise ValueError(f"attributes {', '.join(like)} expected")
    read = {name: reader.read(value) for name, value in layer.items()}
    for name, value in read.items():
        if not _may_be(value, like[name]):
            raise ValueError(f"{name}: {type(like[name]).__name__} expected")
    return read


def _layers(env: Env) -> Iterator[Env]:
    yield env
    while isinstance(env, gymnasium.Wrapper):
        env = env.env
        yield env


def _attributes(env: Env, new: Env) -> Iterator[State]:
    """What can change in each layer; raises NotPlainError if `new` has other attributes."""
    for layer, new_layer in zip(_layers(env), _layers(new), strict=True):
        own, others = vars(layer), vars(new_layer)
        if type(layer).__basicsize__ != gymnasium.Env.__basicsize__:
            raise NotPlainError(f"{type(layer).__name__} has slots, or a part that is not Python")
        if type(layer) is not type(new_layer) or own.keys() != others.keys():
            raise NotPlainError(f"{type(layer).__name__}: {own.keys() ^ others.keys()} differ")
        left = NOT_STATE | {"env"} if isinstance(layer, gymnasium.Wrapper) else NOT_STATE
        state = {
            name: value
            for name, value in own.items()
            if name not in left and not _is_constant(value, others[name])
        }
        for name, value in state.items():
            if not _may_be(value, others[name]):
                raise NotPlainError(f"{name} is {type(value).__name__}")
        yield state


def _is_constant(value: Any, new: Any) -> bool:
    """Whether it is a thing that no step changes, and a new environment has the same."""
    if isinstance(value, CONSTANTS):
        return value is new
    return _is_unused_space(value) and bool(value == new)


def _is_unused_space(value: Any) -> bool:
    """A space has no state until somebody seeds it or draws from it."""
    if type(value) not in SPACES or not _is_untouched(value._np_random):
        return False
    inner = value.spaces if isinstance(value, COMPOSITE_SPACES) else ()
    return all(map(_is_unused_space, inner.values() if isinstance(inner, dict) else inner))


def _is_untouched(rng: np.random.Generator | None) -> bool:
    """Whether a stream was not drawn from, nor seeded by anything but the system.

    To put the first of some environments beside others, gymnasium asks its spaces for theirs.
    """
    if rng is None:
        return True
    bits = rng.bit_generator
    seeds: Any = bits.seed_seq
    if type(bits) is not np.random.PCG64 or type(getattr(seeds, "entropy", None)) is not int:
        return False
    return seeds.entropy >= FROM_SYSTEM and bool(bits.state == np.random.PCG64(seeds).state)


def _may_be(value: Any, new: Any) -> bool:
    """Whether it is of the kind that a new environment has there; None is what is drawn later."""
    if value is None or new is None:
        return True
    if isinstance(value, np.ndarray) and isinstance(new, np.ndarray):
        return (value.dtype.kind, value.ndim) == (new.dtype.kind, new.ndim)
    return any(isinstance(value, kind) and isinstance(new, kind) for kind in KINDS)
