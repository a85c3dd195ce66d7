"""The errors a user can cause or meet, each told in one line."""

from collections.abc import Sequence


class ConfigError(ValueError):
    """A key of the configuration has a value that cannot work; the command exits with code 2."""


class UnknownKeysError(ConfigError):
    """A configuration has keys that nothing knows."""

    def __init__(self, told: str, keys: Sequence[str] = ()) -> None:  # one is enough to unpickle it
        super().__init__(told)
        self.keys = keys


class TrainingError(RuntimeError):
    """Training cannot go on; the command exits with code 1."""


class StoppedError(TrainingError):
    """A job of a parallel sweep ended by a signal, after a checkpoint or before it began."""


class StateError(ConfigError):
    """Saved state is damaged, or of another kind of run."""
