"""The sweeper that takes the place of Hydra's own: no failed job keeps others from running."""

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn

from dqn_experiments.commands.parallel import PassSignalsOn


def take_hydras_place() -> None:
    """Be `hydra/sweeper=basic`, the default: a choice in conf/ would go before a ready sweep's."""
    target = f"{BatchSweeper.__module__}.{BatchSweeper.__qualname__}"
    node = {"_target_": target, "max_batch_size": None, "params": None}
    ConfigStore.instance().store(
        group="hydra/sweeper", name="basic", node=node, provider="ours", replace=True
    )


class BatchSweeper(BasicSweeper):
    """Runs every combination, `max_batch_size` of them at once.

    Hydra's looks after each batch whether one of its jobs failed, and if so begins no other.
    """

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        """Run them all; raises what the first job raised that failed."""
        assert self.launcher is not None
        launch, ended = self.launcher.launch, list[Sequence[JobReturn]]()

        def launch_and_go_on(batch: Any, initial_job_idx: int) -> Sequence[JobReturn]:
            if not PassSignalsOn.stopped_by:
                ended.append(launch(batch, initial_job_idx=initial_job_idx))
            return []  # nothing to look at yet

        self.launcher.launch = launch_and_go_on  # type: ignore[assignment,method-assign]
        super().sweep(arguments)
        for jobs in ended:
            for job in jobs:
                _ = job.return_value
        return ended
