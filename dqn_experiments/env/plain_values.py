"""Plain data, and only that, as what json can hold and arrays beside it."""

import re
from collections import deque
from collections.abc import Collection
from typing import Any

import numpy as np

from dqn_experiments.state import State, restored_rng

ATOMS = {type(None), bool, int, float}
NUMPY_SCALARS = {
    kind.__name__: kind
    for kind in (
        *(np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32),
        *(np.uint64, np.float16, np.float32, np.float64, np.str_),
    )
}


class NotPlainError(TypeError):
    """There is something that cannot be written down as data."""


class Writer:
    """Writes values; raises NotPlainError for those of which a copy would not be the same.

    That is an object of any other kind, and a list or an array that is in two places. Text may
    name a file, so it must be known or a word.
    """

    def __init__(self, known_texts: frozenset[str] = frozenset()) -> None:
        self.arrays: State = {}
        self._known_texts = known_texts
        self._seen: dict[int, Any] = {}  # kept, so that no other object gets its id

    def written(self, value: Any) -> Any:
        """What json can hold; arrays go to `self.arrays`."""
        kind = type(value)
        if kind in ATOMS:
            return value
        if kind is str and _is_harmless(value, self._known_texts):
            return value
        if kind is tuple:
            return ["tuple", self._all(value)]
        if NUMPY_SCALARS.get(kind.__name__) is kind:
            return [kind.__name__, self.written(value.item())]
        self._see(value)
        if kind is list:
            return ["list", self._all(value)]
        if kind is deque:
            return ["deque", [value.maxlen, self._all(value)]]
        if kind is dict:
            return ["dict", [self._all(value), self._all(value.values())]]
        if kind is np.ndarray and _is_plain(value) and value.flags.c_contiguous:
            return ["array", self._array(value)]
        if kind is np.random.Generator and type(value.bit_generator) is np.random.PCG64:
            return ["generator", self._generator(value.bit_generator)]
        raise NotPlainError(f"a {kind.__name__} that is no plain data")

    def _all(self, values: Collection[Any]) -> list[Any]:
        if ATOMS.issuperset(map(type, values)):  # which is quick: tables have thousands
            return list(values)
        return [self.written(value) for value in values]

    def _see(self, value: Any) -> None:
        if id(value) in self._seen:
            raise NotPlainError(f"{type(value).__name__} in two places")
        self._seen[id(value)] = value

    def _array(self, array: Any) -> str:
        owner = array
        while isinstance(owner, np.ndarray) and owner.base is not None:
            owner = owner.base
        if owner is not array:
            self._see(owner)
        name = str(len(self.arrays))
        self.arrays[name] = array.copy()
        return name

    def _generator(self, bits: np.random.PCG64) -> Any:
        self._see(bits)
        if getattr(bits.seed_seq, "n_children_spawned", 1):
            raise NotPlainError("a random stream whose number of children is not in its state")
        return self.written(bits.state)


class Reader:
    """Reads what `Writer` wrote, every array once; raises LookupError, TypeError or ValueError."""

    def __init__(self, arrays: State, known_texts: frozenset[str]) -> None:
        self._arrays, self._known_texts = dict(arrays), known_texts

    def read(self, value: Any) -> Any:
        """The value."""
        if type(value) in ATOMS:
            return value
        if type(value) is str and _is_harmless(value, self._known_texts):
            return value
        if type(value) is not list:
            raise ValueError(f"{value!r:.80} is nothing that was written")
        kind, content = value
        if kind in NUMPY_SCALARS:
            if type(content) not in (bool, int, float, str):
                raise ValueError(f"{content!r:.80} is not a number")
            return NUMPY_SCALARS[kind](self.read(content))
        if kind == "list":
            return [self.read(each) for each in content]
        if kind == "tuple":
            return tuple(self.read(each) for each in content)
        if kind == "deque":
            maxlen, items = content
            return deque((self.read(each) for each in items), self.read(maxlen))
        if kind == "dict":
            keys, values = content
            return dict(zip(map(self.read, keys), map(self.read, values), strict=True))
        if kind == "array" and _is_plain(array := self._arrays.pop(content)):
            return array.copy()
        if kind == "generator":
            return restored_rng(self.read(content))
        raise ValueError(f"{kind!r:.80} is of no kind that was written")


def _is_plain(array: Any) -> bool:
    """Whether it is an array of numbers, or of single characters as a map has them."""
    if type(array) is not np.ndarray:
        return False
    return array.dtype.kind in "biufc" or array.dtype in (np.dtype("S1"), np.dtype("U1"))


def _is_harmless(text: str, known: frozenset[str]) -> bool:
    return text in known or re.fullmatch(r"\w*", text) is not None


def texts_in(value: Any) -> set[str]:
    """All texts in a value, however deep."""
    if isinstance(value, str):
        return {str(value)}
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple, deque)):
        return set().union(*map(texts_in, value))
    return set()
