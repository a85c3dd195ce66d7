"""The notebook of first steps does what it says, and can be read without running it."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from dqn_experiments import history
from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "first_steps.ipynb"
BAR = "application/vnd.jupyter.widget-view+json"


def outputs(notebook: NotebookNode) -> list[NotebookNode]:
    return [each for cell in notebook.cells for each in cell.get("outputs", [])]


def kinds(notebook: NotebookNode) -> set[str]:
    """The formats of all that is shown."""
    return {kind for output in outputs(notebook) for kind in output.get("data", {})}


def printed(notebook: NotebookNode, stream: str = "stdout") -> str:
    return "".join(each.text for each in outputs(notebook) if each.get("name") == stream)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def executed(folder: Path) -> NotebookNode:
    """The notebook after a run from top to bottom, which raises if a cell does."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute(env={**os.environ, "IPYTHONDIR": str(folder)})
    return notebook


@pytest.mark.slow
def test_the_agent_learns(executed: NotebookNode, folder: Path) -> None:
    assert "finished after 16,000 steps" in printed(executed)
    returns = history(folder / "outputs" / "first_run")["episode_return"]
    assert returns[-20:].mean() > 3 * returns[:20].mean()


@pytest.mark.slow
def test_its_bar_and_its_learning_curve_are_drawn_without_a_warning(executed: NotebookNode) -> None:
    assert {BAR, "image/png"} <= kinds(executed)
    assert printed(executed, "stderr") == ""


@pytest.mark.slow
def test_the_loaded_agent_balances_the_pole(executed: NotebookNode) -> None:
    (line,) = (line for line in printed(executed).splitlines() if "pole stayed up for" in line)
    assert float(line.split()[-2]) > 50  # a random one manages 20


@pytest.mark.slow
def test_a_paused_run_goes_on_as_the_same_run(executed: NotebookNode) -> None:
    _, _, after = printed(executed).partition("paused after 3,000 steps")
    assert "finished after 6,000 steps" in after
    assert "all equal: True" in after


def test_what_is_stored_is_a_small_page_with_its_plot_and_no_trace_of_its_maker() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    assert NOTEBOOK.stat().st_size < 150_000
    assert "image/png" in kinds(stored)
    assert BAR not in kinds(stored)
    assert {each.output_type for each in outputs(stored)} == {"stream", "display_data"}
    assert printed(stored, "stderr") == ""
    for trace in (str(ROOT), "/home/", "/root/", "/Users/", "/tmp"):
        assert trace not in printed(stored)
    assert set(stored.metadata) == {"kernelspec", "language_info"}
