"""What playing for a score gives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PlayedEpisode:
    """An episode that was played to its end, or until a limit cut it."""

    episode_return: float
    """Sum of raw rewards, undiscounted: the game's score."""
    length: int
    """Agent steps."""
    cut: bool
    """Whether a limit ended it rather than the game."""
