"""The page in a browser, without a network: what it draws, and what it must never run."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dqn_experiments.comparison.page import page
from dqn_experiments.comparison.summary import Question, compared
from tests.comparison.making import evaluated, leave_run, timed

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
HOSTILE = '</script><script>window.harm=1</script><img src=x onerror="window.harm=2"><b>$x$ & y'
CURVES = "#curves .scatterlayer .trace path.js-line"
LINES = 2 * 3 * 2
"""Of two games: two groups of two seeds and Dopamine's DQN, a line and the edge of a band each."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A page of a real browser."""
    api = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("there is no browser here")
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        yield started.new_page(viewport={"width": 1360, "height": 900})
        started.close()


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two games, two groups, a hostile value among them, and a run without data."""
    folder = tmp_path_factory.mktemp("runs")
    for game in ("pong", "breakout"):
        for seed in (1, 2):
            for better, rate in ((0, "1e-4"), (5, "1e-3")):
                leave_run(
                    folder / f"<i>{game} {seed} {rate}",
                    f"env={game}",
                    f"seed={seed}",
                    f"optimizer.lr={rate}",
                    returns=[better + seed + at % 7 for at in range(200)],
                    every=5_000,
                    rows=[
                        timed(1_000_000, 100.0),
                        evaluated(1_000_000, 3.0 + better + seed, human_normalized=better + 0.1),
                    ],
                )
    hostile = leave_run(folder / "hostile", "env=pong", returns=())
    config = (hostile / "config.yaml").read_text()
    named = config.replace("_option_: dqn", f"_option_: {json.dumps(HOSTILE)}")
    (hostile / "config.yaml").write_text(named.replace("rom: pong", f"rom: {json.dumps(HOSTILE)}"))
    return compared(Question([folder], baseline="lr=0.0001"))


@pytest.fixture(scope="module")
def opened(browser: Any, comparison: dict[str, Any], tmp_path_factory: Any) -> Any:
    """The page, opened from disk; all that the browser says of it is kept."""
    file = tmp_path_factory.mktemp("page") / "comparison.html"
    file.write_text(page(comparison))
    browser.said = []
    browser.on("console", lambda message: browser.said.append(message.text))
    browser.on("pageerror", lambda error: browser.said.append(str(error)))
    browser.on("request", lambda request: browser.said.append(request.url))
    browser.goto(f"file://{file}")
    browser.wait_for_selector("body[data-ready]", timeout=60_000)
    assert browser.said.pop(0) == f"file://{file}"
    return browser


def wait_for(opened: Any, true: Callable[[], bool]) -> None:
    """The page lets nobody evaluate what the browser's own way of waiting would."""
    for _ in range(100):
        if true():
            return
        opened.wait_for_timeout(50)
    raise AssertionError("it did not happen within five seconds")


def test_curves_are_drawn_and_the_browser_has_nothing_to_say(opened: Any) -> None:
    lines = opened.locator(CURVES)
    assert lines.count() == LINES
    for at in range(lines.count()):
        assert len(lines.nth(at).get_attribute("d")) > 20
    assert opened.locator("#aggregates svg").count() > 0
    assert opened.said == []


def test_a_click_in_the_legend_hides_a_curve_in_all_panels_and_another_brings_it_back(
    opened: Any,
) -> None:
    entry = opened.locator("#curves .legendtoggle").first
    entry.click()
    wait_for(opened, lambda: opened.locator(CURVES).count() == LINES - 2 * 2)
    opened.wait_for_timeout(400)  # else the next click makes it a double one
    entry.click()
    wait_for(opened, lambda: opened.locator(CURVES).count() == LINES)
    assert opened.said == []


def test_wall_time_takes_the_place_of_frames(opened: Any) -> None:
    opened.get_by_role("button", name="wall time").click()
    wait_for(opened, lambda: "hours of training" in opened.locator("#curves").text_content())
    assert opened.locator(CURVES).count() == LINES - 2 * 2  # nobody published the hours
    opened.get_by_role("button", name="frames").click()
    wait_for(opened, lambda: opened.locator(CURVES).count() == LINES)
    assert opened.said == []


def test_what_runs_are_named_is_shown_and_never_run(opened: Any) -> None:
    assert opened.evaluate("window.harm") is None
    assert opened.locator("img").count() == 0
    text = opened.locator("main").text_content()
    assert HOSTILE in text
    assert "<i>pong 1 1e-3" in text
    assert opened.said == []


def test_a_script_that_is_not_ours_is_not_run(opened: Any) -> None:
    """Even one that found its way in."""
    opened.evaluate(
        "const script = document.createElement('script');"
        "script.textContent = 'window.harm = 3'; document.body.append(script)"
    )
    assert opened.evaluate("window.harm") is None
    assert any("Content Security Policy" in told for told in opened.said)
    opened.said.clear()
