"""What is done in a process beside this one."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from dqn_experiments.machine.aside import Aside

OWNER = """
import os, time
from dqn_experiments.machine.aside import Aside
aside = Aside()
print(aside.call(os.getpid).result(), flush=True)
aside.call(time.sleep, {seconds})
time.sleep(60)
"""


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_does_one_thing_after_the_other_whatever_is_printed() -> None:
    with closing(Aside()) as aside:
        answers = [aside.call(divmod, 7, 2), aside.call(print, "aside"), aside.call(max, [1, 3])]
        assert [answer.result() for answer in answers] == [(3, 1), None, 3]


def test_what_goes_wrong_there_is_an_error_here_and_closing_does_not_wait() -> None:
    with closing(Aside()) as aside, pytest.raises((EOFError, OSError)):
        aside.call(os._exit, 3).result()
    with closing(Aside()) as aside:
        with pytest.raises(RuntimeError, match="ZeroDivisionError: "):
            aside.call(divmod, 1, 0).result()
        assert aside.call(divmod, 1, 1).result() == (1, 0)
        aside._process.kill()  # while it has nothing to do
        aside._process.wait()
        with pytest.raises((EOFError, OSError)):
            aside.call(len, bytes(10**6)).result()
    Aside().close()
    aside = Aside()
    aside.call(len, bytes(10**6))  # more than a pipe holds, before it can read
    aside.close()
    aside = Aside()
    answer, began = aside.call(time.sleep, 60), time.monotonic()
    aside.close()
    assert time.monotonic() - began < 30
    with pytest.raises((EOFError, OSError)):
        answer.result()


def test_what_lies_in_the_working_directory_is_not_its(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    with closing(Aside()) as aside:
        assert aside.call(divmod, 7, 2).result() == (3, 1)


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
@pytest.mark.parametrize("seconds", [0, 2])
def test_it_ends_with_its_owner_even_if_that_is_killed(seconds: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER.format(seconds=seconds)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        pid = int(owner.stdout.readline())
        os.kill(pid, signal.SIGTERM)  # which is for the owner to heed
        time.sleep(0.2)
        assert runs(pid)
        owner.kill()
    end = time.monotonic() + 30
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert not runs(pid)
