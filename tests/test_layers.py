"""The house: imports run one way, no circle, no group knows another; no file is long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dqn_experiments.config.groups import GROUPS
from tests.conftest import ROOT

PACKAGE = ROOT / "dqn_experiments"
LAYERS = (  # from the ground up: a module imports from its own layer's packages and those before
    {"errors", "state"},
    {"experience", "machine"},
    {"config", "reference"},
    {*GROUPS, "run"},
    {"train", "comparison"},
    {"ledger", "search"},
    {"api", "commands"},
    {"__init__", "__main__", "compare", "dashboard", "evaluate", "sweep", "watch"},
)
LONGEST = 300  # lines
SCREEN = 80


def modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
    }


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """What a module imports of this project, whether at the top or later, but for the version."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                if alias.name != "__version__":
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in known else node.module


def place(module: str) -> str:
    """The part of the house that a module is in."""
    return [*module.split("."), "__init__"][1]


def layer(module: str) -> int:
    return next(number for number, parts in enumerate(LAYERS) if place(module) in parts)


IMPORTS = {name: set(imported(path, modules())) - {name} for name, path in modules().items()}


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_run_one_way(module: str) -> None:
    for other in IMPORTS[module]:
        assert layer(other) <= layer(module), f"{module} imports {other}"
        if {place(module), place(other)} <= {*GROUPS, "run"}:
            assert place(other) == place(module), f"{module} imports {other}"


def test_there_is_no_circle() -> None:
    left = dict(IMPORTS)
    while free := [module for module, others in left.items() if not others & set(left)]:
        for module in free:
            del left[module]
    assert not left, f"a circle: {sorted(left)}"


def test_no_file_is_long_and_the_loop_fits_a_screen() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert max(lines.values()) <= LONGEST, max(lines, key=lambda name: lines[name])
    assert lines["dqn_experiments.train.loop"] <= SCREEN
    tests = {path: len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert max(tests.values()) <= LONGEST, max(tests, key=lambda path: tests[path])
    assert len(list(PACKAGE.glob("*.py"))) <= 12
