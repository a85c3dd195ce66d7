"""How far playing for a score is: a bar on a terminal, a line every half minute elsewhere."""

import logging

from dqn_experiments.machine.progress_bar import SECONDS_BETWEEN_LINES, Every, progress_bar

log = logging.getLogger(__name__)

SECONDS_BETWEEN_PICTURES = 0.5


class EpisodeProgress:
    """Shows episodes done and steps played, which go on while an endless episode does not."""

    def __init__(self, episodes: int) -> None:
        self._bar = progress_bar(total=episodes, desc="evaluation", unit="episode", leave=False)
        seconds = SECONDS_BETWEEN_LINES if self._bar.disable else SECONDS_BETWEEN_PICTURES
        self._clock, self._episodes = Every(seconds), episodes

    def show(self, done: int, steps: int) -> None:
        """Show, if it is time to, that `done` episodes are over after `steps` agent steps."""
        if not self._clock.due():
            return
        if self._bar.disable:
            log.info(f"evaluation: {done:,} of {self._episodes:,} episodes, {steps:,} steps so far")
        else:
            self._bar.n = done
            self._bar.set_postfix_str(f"{steps:,} steps")

    def close(self) -> None:
        """Leave the terminal tidy."""
        self._bar.close()
