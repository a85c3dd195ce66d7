"""The checkpoints that a run writes on its way."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

from dqn_experiments.errors import TrainingError
from dqn_experiments.run import checkpoint, parts
from dqn_experiments.run.checkpoint import Checkpoint

log = logging.getLogger(__name__)


class Saves:
    """Writes the parts of a run, and knows what is left if the run cannot go on.

    Args:
        run_dir: where the checkpoints lie.
        run_parts: whatever must survive a restart, by name.
        keep: how many checkpoints stay.
    """

    def __init__(self, run_dir: Path, run_parts: Mapping[str, parts.Part], keep: int) -> None:
        self._run_dir, self._parts, self._keep = run_dir, run_parts, keep
        self.newest: int | None = None
        """Step of the checkpoint that this process wrote or came from."""
        self.newest_at = time.monotonic()
        """When that was, or was tried."""

    def go_on_from(self, found: Checkpoint) -> None:
        """Bring all parts to where they were; raises StateError if they are others."""
        parts.restore(self._parts, found)
        self.newest = found.step

    def save(self, step: int, score: float | None, must: bool) -> Checkpoint | None:
        """Write one, under the evaluation score of its weights if there is one.

        A run goes on without one that cannot be written, unless it `must` be.

        Raises:
            TrainingError: if one that must be written cannot be.
        """
        began = time.monotonic()
        try:
            saved = checkpoint.save(
                self._run_dir, step, parts.writers(self._parts), self._keep, score
            )
        except OSError as error:
            told = (
                f"the checkpoint of step {step} cannot be written ({error.strerror}); "
                f"{self.last_good()}"
            )
            if must:
                raise TrainingError(told) from error
            log.error(f"{told}; training goes on")
            self.newest_at = time.monotonic()  # or it would be tried again at every step
            return None
        self.newest, self.newest_at = step, time.monotonic()
        took = self.newest_at - began
        log.info(f"checkpoint {saved.path}: {saved.nbytes / 1e6:.1f} MB in {took:.2f} s")
        return saved

    def last_good(self) -> str:
        """What is left of a run that cannot go on."""
        if self.newest is None:
            return "no checkpoint yet"
        return f"the last good checkpoint is {checkpoint.folder_of(self._run_dir, self.newest)}"
