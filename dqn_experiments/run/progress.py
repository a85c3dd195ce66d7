"""How far a run is: a bar on a terminal, a line every half minute elsewhere."""

import logging
import math
import statistics
import time
from collections import deque

from tqdm import tqdm

from dqn_experiments.machine.progress_bar import SECONDS_BETWEEN_LINES, progress_bar
from dqn_experiments.run.record import Episode

log = logging.getLogger(__name__)

TICK = time.get_clock_info("monotonic").resolution  # seconds; steps can be shorter on Windows
RECENT_EPISODES = 100


class Progress:
    """Shows steps/s, time left, recent return, epsilon and loss."""

    def __init__(self, total_steps: int) -> None:
        self._bar = progress_bar(
            total=total_steps, unit="step", unit_scale=True, dynamic_ncols=True
        )
        self._total = total_steps
        self._returns: deque[float] = deque(maxlen=RECENT_EPISODES)
        self._loss = math.nan
        self._line_time, self._line_step = time.monotonic(), 0
        self._rate_time, self._rate_step = self._line_time, 0

    def go_on(self, step: int) -> None:
        """Count from `step`, which was reached before."""
        self._bar.initial = self._bar.n = step
        self._bar.unpause()
        self._line_time, self._line_step = time.monotonic(), step
        self._rate_time, self._rate_step = self._line_time, step

    def episode(self, episode: Episode) -> None:
        """Take in an episode that ended."""
        self._returns.append(episode.episode_return)
        self._loss = episode.loss

    def show(self, step: int, epsilon: float) -> None:
        """Show where the run is after `step` steps."""
        if not self._bar.disable:
            self._bar.set_postfix_str(self._state(epsilon), refresh=False)
            self._bar.update(step - self._bar.n)
        elif time.monotonic() - self._line_time >= SECONDS_BETWEEN_LINES:
            rate = (step - self._line_step) / (time.monotonic() - self._line_time)
            left = tqdm.format_interval((self._total - step) / rate)
            log.info(
                f"step {step:,} of {self._total:,}, {rate:.0f} steps/s, {left} left, "
                + self._state(epsilon)
            )
            self._line_time, self._line_step = time.monotonic(), step

    def _state(self, epsilon: float) -> str:
        mean = statistics.fmean(self._returns) if self._returns else math.nan
        return f"return {_short(mean)}, epsilon {epsilon:.3f}, loss {_short(self._loss)}"

    def rate(self, step: int) -> float:
        """Steps per second since the last call."""
        now = time.monotonic()
        rate = (step - self._rate_step) / max(now - self._rate_time, TICK)
        self._rate_time, self._rate_step = now, step
        return rate

    def close(self) -> None:
        """Leave the terminal tidy."""
        self._bar.close()


def _short(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4g}"
