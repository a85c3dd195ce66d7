"""An update of this project, without the steps between."""

from collections.abc import Iterator
from contextlib import contextmanager

from loops.ours import learning
from loops.work import Advance


@contextmanager
def loop() -> Iterator[Advance]:
    """To draw a batch and learn from it."""
    with learning() as session:
        loop = session.loop

        def advance() -> int:
            batch = loop.replay.sample()
            update = loop.learner.update(batch, loop.step)
            loop.replay.update(batch.index, update.priority)
            return 1

        yield advance
