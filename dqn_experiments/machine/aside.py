"""A process beside this one, which does what can wait and might go wrong."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from dqn_experiments.machine.interrupt import SIGNALS


class Aside:
    """Calls functions in another process, one at a time.

    It ends with this one, whatever ends this one. Unlike those of `concurrent.futures` it does not
    import the user's script again.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # -P: not what lies in the working directory
            [sys.executable, "-P", "-m", "dqn_experiments.machine.aside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
        )
        self._waiting = ThreadPoolExecutor(1)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """What `function` returns, later.

        RuntimeError if it raised something there, EOFError or OSError if the process has ended.
        """
        return self._waiting.submit(self._call, function, arguments)

    def _call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump((function, arguments), self._process.stdin)
        self._process.stdin.flush()
        result, error = pickle.load(self._process.stdout)
        if error is not None:
            raise RuntimeError(error)
        return result

    def close(self) -> None:
        """End the process, at work or not."""
        self._process.kill()
        self._waiting.shutdown()
        with suppress(OSError), self._process:  # closes its pipes, and waits for its end
            pass


def _serve() -> None:
    """Do what is asked until nobody can ask any more."""
    for number in SIGNALS:  # a terminal sends them to all its processes; the other one decides
        signal.signal(number, signal.SIG_IGN)
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not print into the answers
    while True:
        function, arguments = pickle.load(asked)
        result, failure = None, None
        try:
            result = function(*arguments)
        except Exception as error:
            failure = f"{type(error).__name__}: {error}"
        pickle.dump((result, failure), answers)
        answers.flush()


if __name__ == "__main__":
    with suppress(EOFError, BrokenPipeError):  # the other one is gone
        _serve()
    os._exit(0)  # nothing is left to be written
