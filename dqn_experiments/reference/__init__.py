"""Published scores and curves to hold a run against.

`atari_human_wang_2016.csv`: scores of a random policy and of a human tester for the 57-game suite,
in episodes of at most 30 minutes, as collected in Wang et al. 2016 ("Dueling network architectures
for deep reinforcement learning") and used throughout the literature since.
`atari_human_mnih_2015.csv`: the same for 49 games, in episodes of at most 5 minutes, from Mnih et
al. 2015 ("Human-level control through deep reinforcement learning"), Extended Data Table 2. It was
compared number by number with the copy in https://github.com/seungjaeryanlee/rldb; with the table's
scores of DQN it gives the percentages of the paper's Figure 3.
`dopamine_atari_runs.csv.gz`: runs of Dopamine's baselines (Castro et al. 2018,
https://github.com/google/dopamine, Apache-2.0), sticky actions, with the later re-runs of 2024.
Returns are the mean training returns of iterations 0, 1, ... of 250,000 agent steps, to four
significant digits. Within a set the order of runs may differ from iteration to iteration: they
are good for statistics at an iteration, not for following one run.
"""

import csv
import gzip
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

STEPS_PER_ITERATION = 250_000
HUMAN_PLAY = {18_000: "mnih_2015", 108_000: "wang_2016"}
"""Emulator frames, 60 a second, after which a human's episode was cut; the table of the scores."""


def human_normalized(game: str, score: float, table: str) -> float | None:
    """(score - random) / (human - random), or None if `game` is not in that table."""
    if game not in _human_scores(table):
        return None
    random, human = _human_scores(table)[game]
    return (score - random) / (human - random)


@cache
def _human_scores(table: str) -> dict[str, tuple[float, float]]:
    """By game, of a random policy and of a human."""
    lines = (files(__name__) / f"atari_human_{table}.csv").read_text("utf-8").splitlines()
    return {
        row["game"]: (float(row["random"]), float(row["human"])) for row in csv.DictReader(lines)
    }


def published_runs(game: str, agent: str, of: str = "2018") -> NDArray[np.float64] | None:
    """Returns f64 [runs, iterations] of single runs of Dopamine's; None if there are none.

    Args:
        game: such as `breakout`.
        agent: such as `QR-DQN`.
        of: the set: 2018 (the baselines), 2024-nature or 2024-impala (re-runs with that encoder).
    """
    return _published_runs().get((game, of, agent))


def published_agents(of: str = "2018") -> list[str]:
    """The agents of a set of published runs."""
    return sorted({agent for _, each, agent in _published_runs() if each == of})


@cache
def _published_runs() -> dict[tuple[str, str, str], NDArray[np.float64]]:
    data = (files(__name__) / "dopamine_atari_runs.csv.gz").read_bytes()
    runs: dict[tuple[str, str, str], list[list[float]]] = {}
    for row in csv.DictReader(gzip.decompress(data).decode().splitlines()):
        returns = [float(number) for number in row["returns"].split()]
        runs.setdefault((row["game"], row["set"], row["agent"]), []).append(returns)
    return {key: np.array(returns) for key, returns in runs.items()}
