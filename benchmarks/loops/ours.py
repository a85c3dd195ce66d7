"""A run of this project."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from loops.work import EPSILON, FILLED, Advance
from steps_per_second import started

from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.train.session import Session


@contextmanager
def learning(*overrides: str) -> Iterator[Session]:
    """A run of the default recipe that has begun to learn."""
    recipe = [f"learning_starts={FILLED}", f"schedule.end={EPSILON}", "schedule.steps=1"]
    recipe += ["schedule.delay=0", "device=cpu"]
    with tempfile.TemporaryDirectory() as folder:
        session = started(["env=breakout", *recipe, *overrides], folder)
        with session.closed_at_the_end(), torch_settings(session.config.cpu_threads):
            yield session


@contextmanager
def loop(*overrides: str) -> Iterator[Advance]:
    """The default recipe as a run goes on: all but checkpoints, evaluations and the tracker."""
    with learning(*overrides) as session:

        def advance() -> int:
            before = session.loop.step
            session.advance()
            return session.loop.step - before

        yield advance
