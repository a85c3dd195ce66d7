"""Weights & Biases."""

import json
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import wandb
from wandb.errors import CommError, Error

log = logging.getLogger(__name__)

INIT_TIMEOUT = 10  # seconds; a server that does not answer must not hold up training


class WandbTracker:
    """One W&B run per run directory, under `wandb/`, with `frames` as the x-axis of every curve.

    `mode=auto` is online where W&B finds credentials and its server answers, else offline; it never
    asks and never waits for long. WANDB_MODE in the environment decides first.
    """

    def __init__(
        self,
        run_dir: Path,
        config: Mapping[str, Any],
        title: str,
        sweep: str | None,
        /,
        *,
        mode: Literal["auto", "online", "offline", "disabled"],
        project: str,
        entity: str | None,
        group: str | None,
        job_type: str,
        name: str | None,
        tags: list[str],
        checkpoints: bool,
    ) -> None:
        self._checkpoints = checkpoints
        identity = {"name": name or title, "group": group or sweep, "id": secrets.token_hex(4)}
        if mode != "disabled":
            identity = _remembered(run_dir / "wandb" / "identity.json", identity)
        self._run = _start(
            mode,
            dir=run_dir,
            config=dict(config),
            project=project,
            entity=entity,
            job_type=job_type,
            tags=tags,
            resume="allow",
            **identity,
        )
        for axis in ("frames", "step"):
            self._run.define_metric(axis, hidden=True)
        self._run.define_metric("*", step_metric="frames")

    def log(self, metrics: Mapping[str, float]) -> None:
        """Send one row of metrics, `frames` among them."""
        self._run.log(dict(metrics))

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Set figures that describe the whole run."""
        self._run.summary.update(dict(values))

    def checkpoint(self, path: Path, aliases: list[str]) -> None:
        """Send a checkpoint's folder as an artifact, under aliases like `step-500000`, `latest`."""
        if self._checkpoints:
            artifact = wandb.Artifact(f"checkpoint-{self._run.id}", type="model")
            for file in path.iterdir():
                artifact.add_file(str(file))
            self._run.log_artifact(artifact, aliases=aliases)

    def close(self, exit_code: int) -> None:
        """Write out everything; `exit_code` 0 marks the run as finished, others as failed."""
        self._run.finish(exit_code=exit_code)


def _remembered(file: Path, identity: dict[str, Any]) -> dict[str, Any]:
    """What the W&B run of this directory is called, decided when it is first opened."""
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(identity) + "\n")
    remembered: dict[str, Any] = json.loads(file.read_text())
    return remembered


def _start(mode: str, **arguments: Any) -> Any:
    settings = wandb.Settings(console="off", init_timeout=INIT_TIMEOUT, silent=True)
    if mode != "auto":
        return wandb.init(mode=mode, settings=settings, **arguments)  # type: ignore[arg-type]
    try:
        if wandb.setup().settings.mode in ("offline", "disabled") or wandb.login(prompt=False):
            return wandb.init(settings=settings, **arguments)
        reason = "not logged in"
    except (CommError, Error, TimeoutError) as error:
        reason = " ".join(str(error).split())
    log.info("W&B is offline (%s); `wandb sync` uploads the run later", reason)
    return wandb.init(mode="offline", settings=settings, **arguments)
