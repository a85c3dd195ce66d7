"""What a run's train.log has, beside other runs of the same process."""

import logging
import threading
from contextvars import copy_context
from pathlib import Path

from dqn_experiments.commands.log_file import logged

log = logging.getLogger("anybody")


def in_a_thread(work: object) -> None:
    thread = threading.Thread(target=work)  # type: ignore[arg-type]
    thread.start()
    thread.join()


def test_a_log_has_its_run_and_what_belongs_to_none(tmp_path: Path) -> None:
    log.setLevel("INFO")

    def run(name: str) -> None:
        with logged(tmp_path / name):
            log.info(f"said by {name}")
            context = copy_context()
            in_a_thread(lambda: context.run(log.info, f"said for {name}"))
            if name == "first":
                in_a_thread(lambda: run("second"))
                in_a_thread(lambda: log.info("said by nobody"))

    run("first")
    told = {name: (tmp_path / name).read_text() for name in ("first", "second")}
    assert [line.rpartition(" - ")[2] for line in told["first"].splitlines()] == [
        "said by first",
        "said for first",
        "said by nobody",
    ]
    assert "first" not in told["second"]
    assert "said for second" in told["second"]
