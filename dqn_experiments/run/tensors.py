"""Files of tensors as torch writes them, read without running code that lies in them."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dqn_experiments.errors import StateError
from dqn_experiments.machine import memory
from dqn_experiments.state import refuse_compressed

Writer = Callable[[Path], object]
"""Writes the file of that path."""


def save_tensors(state: Any) -> Writer:
    """Writes tensors in dicts and lists as torch does."""

    def write(path: Path) -> None:
        buffer = io.BytesIO()  # torch's own file writer hides why it failed
        torch.save(state, buffer)
        path.write_bytes(buffer.getbuffer())

    return write


def load_tensors(path: Path) -> dict[str, Any]:
    """What `save_tensors` wrote, on the CPU, read without running code from the file.

    Raises:
        StateError: if the file cannot be read as that.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_compressed(archive)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged or hostile file
        if memory.ran_out(error):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StateError(f"{path}: not a readable file of weights ({reason})") from error
    return state
