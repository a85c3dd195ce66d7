"""What signals mean: nothing is lost by any of them but a person's second Ctrl-C."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from dqn_experiments.machine.interrupt import SIGNALS, Interrupt, Interrupted


@pytest.fixture(autouse=True)
def handlers_come_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    assert {number: signal.getsignal(number) for number in SIGNALS} == before


@contextmanager
def taken() -> Iterator[Interrupt]:
    """Signals taken by an Interrupt that is left as a run leaves it that was told to stop."""
    with suppress(Interrupted), Interrupt() as told:
        yield told
        told.check()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


def test_signals_of_schedulers_and_terminals_are_known() -> None:
    assert {number.name for number in SIGNALS} >= {
        "SIGINT",
        "SIGTERM",
        "SIGHUP",
        "SIGUSR1",
        "SIGUSR2",
    }


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_until_it_is_asked_for(number: signal.Signals) -> None:
    with taken() as told:
        told.check()
        signal.raise_signal(number)
        with pytest.raises(Interrupted) as stop:
            told.check()
        assert stop.value.code == 128 + number
        with pytest.raises(Interrupted):
            told.hand_on()  # to nobody


def test_only_a_second_ctrl_c_is_impatience(clock: list[float]) -> None:
    with taken() as told:
        for later in (0.0, 5.0, 10.0):
            clock[0] = 100 + later
            for number in set(SIGNALS) - {signal.SIGINT}:
                signal.raise_signal(number)
        signal.raise_signal(signal.SIGINT)  # the first one, however late
        clock[0] += 0.9
        signal.raise_signal(signal.SIGINT)  # of the same moment
        clock[0] += 0.2
        with pytest.raises(KeyboardInterrupt) as stop:
            signal.raise_signal(signal.SIGINT)
        assert not isinstance(stop.value, Interrupted)
        with pytest.raises(Interrupted):
            told.check()


def test_a_launchers_handler_is_called_on(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    former = signal.signal(signal.SIGUSR2, lambda number, _: called.append(number))
    try:
        with taken() as told:
            signal.raise_signal(signal.SIGUSR2)
            with pytest.raises(Interrupted):
                told.check()
            assert called == []  # first comes the checkpoint
            told.hand_on()
            assert called == [signal.SIGUSR2]
            told.check()  # it wanted nothing of us
            signal.raise_signal(signal.SIGUSR2)
            signal.raise_signal(signal.SIGTERM)
            with pytest.raises(Interrupted) as stop:
                told.hand_on()  # which knows what USR2 means, and nothing of TERM
        assert stop.value.signal == "SIGTERM"
        assert called == [signal.SIGUSR2] * 2
    finally:
        signal.signal(signal.SIGUSR2, former)


def test_what_nohup_ignores_stays_ignored() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupt() as told:
            signal.raise_signal(signal.SIGHUP)
            told.check()
    finally:
        signal.signal(signal.SIGHUP, former)


def test_a_signal_after_the_last_check_is_not_lost() -> None:
    came: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        with Interrupt():
            signal.raise_signal(signal.SIGTERM)
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, former)


def test_an_own_process_that_was_told_to_stop_is_left_to_end() -> None:
    """Further signals change neither its exit code nor what it still does."""
    code = """
import signal, sys
from dqn_experiments.machine.interrupt import Interrupt, Interrupted
try:
    with Interrupt(own=True) as told:
        signal.raise_signal(signal.SIGTERM)
        told.check()
except Interrupted as stop:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.raise_signal(number)
    print("ended")
    sys.exit(stop.code)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "ended\n", "")


def test_systems_with_fewer_signals_have_those(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has SIGINT, SIGTERM and SIGBREAK, and no masks."""
    code = """
import signal
for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "pthread_sigmask"):
    delattr(signal, name)
from dqn_experiments.machine.interrupt import SIGNALS, Interrupt
with Interrupt() as told:
    told.check()
print([number.name for number in SIGNALS])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "['SIGINT', 'SIGTERM']\n", done.stderr
