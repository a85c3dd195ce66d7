"""Telling what this user's programs wrote from what a stranger may have put in its place."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

BYTES = 32
"""Of a key."""


def signature(state: Any) -> str:
    """What only this user can make of a state; see `dqn_experiments.state`.

    Raises:
        OSError: if there is no place for a key.
    """
    signed = hmac.new(_key(), digestmod=hashlib.sha256)
    _update(signed, state)
    return signed.hexdigest()


def is_signed(state: Any, by: object) -> bool:
    """Whether `by` is the signature of this user under a state."""
    try:
        return isinstance(by, str) and hmac.compare_digest(signature(state), by)
    except (OSError, TypeError):  # nobody's, or not in ASCII
        return False


def _update(signed: "hmac.HMAC", state: Any) -> None:
    """Each part with its kind and length before it, so that no two states look alike."""
    if isinstance(state, dict):
        signed.update(f"dict {len(state)};".encode())
        for key in sorted(state):
            _update(signed, key)
            _update(signed, state[key])
    elif isinstance(state, list):
        signed.update(f"list {len(state)};".encode())
        for each in state:
            _update(signed, each)
    elif isinstance(state, np.ndarray):
        signed.update(f"array {state.dtype.str} {state.shape};".encode() + state.tobytes())
    elif isinstance(state, bytes):
        signed.update(f"bytes {len(state)};".encode() + state)
    else:
        text = repr(state).encode()
        signed.update(f"{type(state).__name__} {len(text)};".encode() + text)


def _key() -> bytes:
    """A secret of this user, made when it is first needed."""
    try:
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    except RuntimeError as error:
        raise OSError(str(error)) from error
    file = home / "dqn_experiments" / "key"
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        _make(file)
    key = file.read_bytes()
    if len(key) != BYTES:
        raise OSError(f"{file}: must be {BYTES} bytes; remove it")
    return key


def _make(file: Path) -> None:
    """Whole or not at all, and once, even if several processes are at it."""
    fresh = file.with_name(f"key.{secrets.token_hex(4)}")
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as new:
            new.write(secrets.token_bytes(BYTES))
            new.flush()
            os.fsync(new.fileno())
        with suppress(FileExistsError):
            os.link(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)
