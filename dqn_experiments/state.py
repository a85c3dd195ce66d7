"""State as nested dicts of arrays, byte strings and plain values, and the file that holds it.

The file is a zip of .npy arrays and one json, nothing compressed again and nothing pickled, so that
any tool can open it. Every member carries a checksum.
"""

import json
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from dqn_experiments.errors import StateError

REST = "state.json"
BLOCKS, SIZES = ".blocks", ".sizes.npy"
ARRAY = ".npy"

State = dict[str, Any]
Plain = TypeVar("Plain")


def save(path: Path, state: State) -> None:
    """Write `state`.

    Keys are strings without "/" or "."; values are dicts of the same kind, arrays, lists of byte
    strings, or what json can hold.
    """
    with zipfile.ZipFile(path, "w") as archive:
        rest = _write(archive, "", state)
        archive.writestr(REST, json.dumps(rest))


def _write(archive: zipfile.ZipFile, prefix: str, state: State) -> State:
    """Write arrays and byte strings as members; returns the rest."""
    rest = {}
    for key, value in state.items():
        if set("/.") & set(key):
            raise ValueError(f"{key!r}: a key must be without '/' and '.'")
        name = prefix + key
        if isinstance(value, dict):
            rest[key] = _write(archive, f"{name}/", value)
        elif isinstance(value, np.ndarray):
            _write_array(archive, name + ARRAY, value)
        elif isinstance(value, list) and all(isinstance(item, bytes) for item in value):
            _write_array(archive, name + SIZES, np.array([len(item) for item in value], np.int64))
            with archive.open(name + BLOCKS, "w", force_zip64=True) as member:
                for item in value:
                    member.write(item)
        else:
            rest[key] = value
    return rest


def _write_array(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    with archive.open(name, "w", force_zip64=True) as member:
        npy.write_array(member, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False)


def load(path: Path) -> State:
    """Read what `save` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        StateError: if it is damaged; the message names it.
    """
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                refuse_compressed(archive)
                return _read(archive)
        except MemoryError:
            raise
        except Exception as error:  # zipfile and numpy raise a dozen kinds for a damaged file
            reason = str(error) or type(error).__name__
            raise StateError(f"{path}: damaged, must be as it was written: {reason}") from error


def refuse_compressed(archive: zipfile.ZipFile) -> None:
    """Raise ValueError unless all members lie there as they are; compressed, or in the same place,
    a few bytes can stand for gigabytes."""
    for member in archive.infolist():
        stored = member.compress_type == zipfile.ZIP_STORED
        if not stored or member.compress_size != member.file_size:
            raise ValueError(f"{member.filename} is compressed")
    if sum(member.file_size for member in archive.infolist()) > archive.start_dir:
        raise ValueError("its members overlap")


def _read(archive: zipfile.ZipFile) -> State:
    state: State = plain({REST: json.loads(archive.read(REST))}, REST, dict)
    for name in archive.namelist():
        if name.endswith(BLOCKS):
            key = name.removesuffix(BLOCKS)
            sizes = _read_array(archive, key + SIZES)
            _put(state, key, _read_blocks(archive, name, sizes))
        elif name.endswith(ARRAY) and not name.endswith(SIZES):
            _put(state, name.removesuffix(ARRAY), _read_array(archive, name))
        elif name != REST and not name.endswith(SIZES):
            raise ValueError(f"{name!r} is not a name that was written")
    return state


def _put(state: State, key: str, value: Any) -> None:
    *parents, last = key.split("/")
    for parent in parents:
        state = part(state, parent)
    state[last] = value


def _read_blocks(archive: zipfile.ZipFile, name: str, sizes: NDArray[Any]) -> list[bytes]:
    lengths = sizes.tolist()
    if sizes.dtype != np.int64 or min(lengths, default=0) < 0:
        raise ValueError(f"{name}: sizes must be counts")
    if sum(lengths) != archive.getinfo(name).file_size:
        raise ValueError(f"{name}: {sum(lengths)} bytes expected")
    with archive.open(name) as member:
        blocks = [member.read(length) for length in lengths]
        member.read()  # the end of the member is where its checksum is compared
    return blocks


def _read_array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as member:
        if npy.read_magic(member) != (1, 0):
            raise ValueError(f"{name}: unknown version of .npy")
        shape, in_columns, dtype = npy.read_array_header_1_0(member)
        if in_columns:
            raise ValueError(f"{name}: must be in C order")
        # not read_array, which believes the header before it has seen the data
        return np.frombuffer(member.read(), dtype).reshape(shape).copy()


def matching(state: State, name: str, like: NDArray[Any]) -> NDArray[Any]:
    """`state[name]` if it is an array of the same shape and type; raises StateError otherwise."""
    found = state.get(name)
    if isinstance(found, np.ndarray) and (found.shape, found.dtype) == (like.shape, like.dtype):
        return found
    what = f"{found.dtype}{list(found.shape)}" if isinstance(found, np.ndarray) else type(found)
    raise StateError(f"{name}: {like.dtype}{list(like.shape)} expected, found {what}")


def rows(state: State, name: str, like: NDArray[Any] | np.generic) -> NDArray[Any]:
    """`state[name]` if it is an array of any number of such rows; raises StateError otherwise."""
    found = state.get(name)
    number = len(found) if isinstance(found, np.ndarray) and found.ndim else 0
    return matching(state, name, np.empty((number, *like.shape), like.dtype))


def plain(state: State, name: str, kind: type[Plain]) -> Plain:
    """`state[name]` if it is of that type; raises StateError otherwise."""
    found = state.get(name)
    if type(found) is not kind:
        raise StateError(f"{name}: {kind.__name__} expected, found {found!r:.80}")
    return found


def part(state: State, name: str) -> State:
    """`state[name]` if it is a dict; raises StateError otherwise."""
    return plain(state, name, dict)


def restored_rng(state: State) -> np.random.Generator:
    """A generator that goes on where one with this state stood; raises StateError."""
    generator = np.random.default_rng()
    try:
        generator.bit_generator.state = state
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise StateError(f"rng: must be the state of a generator: {error}") from error
    return generator
