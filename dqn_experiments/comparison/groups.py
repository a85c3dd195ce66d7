"""Runs of the same recipe, and by what recipes differ.

A recipe is a config without what does not change what is learned, without the seed and without the
game, so that runs over seeds belong together, and so do those of several games.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dqn_experiments.comparison.runs import Run
from dqn_experiments.config.groups import GROUPS
from dqn_experiments.config.stored_form import OPTION, TARGET, as_chosen, leaves, option_values
from dqn_experiments.config.wording import printable, shown
from dqn_experiments.run.free_keys import FREE

OF_THE_GAME = ("env.rom", "env.id")
OF_NO_EFFECT = (
    *(key for key in FREE if key not in ("total_steps", "evaluation")),
    "seed",
    "evaluation.every",
    "evaluation.num_envs",
    "evaluation.video",
)
"""What may change when a run goes on, but for how long it is and how it is scored; and the seed."""

LONGEST_VALUE, LONGEST_LABEL = 60, 80
"""Characters; what is longer is cut, as a legend has little room."""

Leaves = Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    """The runs of a recipe."""

    label: str
    """What sets it apart from the others; no two are the same."""
    differs: dict[str, str]
    """The same by key, whole."""
    runs: dict[str, list[Run]]
    """By game, sorted by seed."""


def grouped(runs: Sequence[Run]) -> list[Group]:
    """Runs by recipe, sorted by label."""
    recipes: dict[str, list[Run]] = {}
    kept: dict[str, Leaves] = {}
    for run in runs:
        recipe = {
            key: value
            for key, value in leaves(run.config).items()
            if not _is_below(key, (*OF_NO_EFFECT, *OF_THE_GAME))
        }
        name = repr(sorted(recipe.items()))
        recipes.setdefault(name, []).append(run)
        kept[name] = recipe
    names = sorted(recipes)
    differing = differences([kept[name] for name in names])
    labels = _labels(differing, [_short(kept[name].get(f"agent.{OPTION}")) for name in names])
    groups = [
        Group(label, differs, _by_game(recipes[name]))
        for name, label, differs in zip(names, labels, differing, strict=True)
    ]
    return sorted(groups, key=lambda group: group.label)


def differences(recipes: Sequence[Leaves]) -> list[dict[str, str]]:
    """What of each recipe is not the same in all of them, as a command line has it.

    Of components that are different options only what all have and someone changed is told: the
    rest comes with the option. Two recipes that differ have different differences.
    """
    told: list[dict[str, str]] = [{} for _ in recipes]
    for key in sorted({key for recipe in recipes for key in recipe}):
        of_options = [f"{part}.{name}" for part in _parents(key) for name in (OPTION, TARGET)]
        values: dict[str, set[str]] = {}
        places = ["" for _ in recipes]
        if not all(key in recipe for recipe in recipes) or all(
            _comes_with_option(key, recipe) for recipe in recipes
        ):
            options = [name for name in of_options if name != key]
            places = [str([recipe.get(name) for name in options]) for recipe in recipes]
        for place, recipe in zip(places, recipes, strict=True):
            values.setdefault(place, set()).add(repr(recipe.get(key, ...)))
        for place, recipe, differing in zip(places, recipes, told, strict=True):
            if key in recipe and len(values[place]) > 1:
                differing[_named(key)] = _short(recipe[key])
    return told


def _comes_with_option(key: str, recipe: Leaves) -> bool:
    """Whether a value is the one that the option it belongs to has by itself."""
    for part in reversed(_parents(key)):
        if (option := recipe.get(f"{part}.{OPTION}")) is not None:
            values = option_values(part.replace(".", "/"), str(option))
            return values.get(key.removeprefix(f"{part}."), ...) == recipe[key]
    return False


def _parents(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _named(key: str) -> str:
    name = as_chosen(key) if key.endswith(OPTION) else key.removesuffix(f".{TARGET}")
    return printable(name)


def _short(value: Any) -> str:
    text = printable(" ".join(shown(value).split()))
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _labels(differing: Sequence[Mapping[str, str]], otherwise: Sequence[str]) -> list[str]:
    """What differs in a line: all of it if that is short, else the few keys that tell all apart."""
    whole = [
        _told(differs, list(differs)) or agent
        for differs, agent in zip(differing, otherwise, strict=True)
    ]
    if max(map(len, whole), default=0) <= LONGEST_LABEL:
        labels = whole
    else:
        keys = _telling(differing)
        labels = [f"{_told(differs, keys)}, …" for differs in differing]
    seen = Counter[str]()
    for number, label in enumerate(labels):  # values that were cut may be alike
        seen[label] += 1
        if seen[label] > 1:
            labels[number] = f"{label} #{seen[label]}"
    return labels


def _told(differs: Mapping[str, str], keys: Sequence[str]) -> str:
    return ", ".join(f"{key}={differs[key]}" for key in keys if key in differs)


def _telling(differing: Sequence[Mapping[str, str]]) -> list[str]:
    """Few keys by which recipes can be told apart: each time the one that splits most of them."""
    keys = sorted({key for differs in differing for key in differs})
    chosen: list[str] = []
    apart = ["" for _ in differing]
    while len(set(apart)) < len(differing) and len(chosen) < len(keys):
        splits = {
            key: [
                f"{known}|{differs.get(key)}"
                for known, differs in zip(apart, differing, strict=True)
            ]
            for key in keys
        }
        best = min(keys, key=lambda key: (-len(set(splits[key])), key not in GROUPS, len(key), key))
        chosen, apart = [*chosen, best], splits[best]
    return sorted(chosen)


def _by_game(runs: Sequence[Run]) -> dict[str, list[Run]]:
    games: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (run.game, run.seed, str(run.path))):
        games.setdefault(run.game, []).append(run)
    return games


def _is_below(key: str, places: Sequence[str]) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in places)
