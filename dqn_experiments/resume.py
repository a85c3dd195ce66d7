"""What a checkpoint holds of a run, and how a run goes on from one as if nothing had happened."""

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dqn_experiments import memory, state
from dqn_experiments.checkpoint import WEIGHTS, Checkpoint, Writer, load_tensors, save_tensors
from dqn_experiments.errors import StateError
from dqn_experiments.state import State, matching, part, restored_rng

if TYPE_CHECKING:
    from dqn_experiments.train import Training

log = logging.getLogger(__name__)

LEARNER = "learner.pt"
RUN = "run.state"
REPLAY = "replay.state"


def checkpoint_files(training: "Training") -> dict[str, Writer]:
    """What to write under which name."""
    device = training.device
    learner = {
        "agent": training.agent.state_dict(),
        "moments": training.optimizer.state_dict()["state"],
        "torch_rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }
    return {
        WEIGHTS: save_tensors(training.agent.network.state_dict()),
        LEARNER: save_tensors(learner),
        RUN: lambda path: state.save(path, _run_state(training)),
        REPLAY: lambda path: state.save(path, training.buffer.state_dict()),
    }


def _run_state(training: "Training") -> State:
    return {
        "losses": training.losses.copy(),
        "rng": training.rng.bit_generator.state,
        "env": training.env.state_dict(),
        "stack": training.stack.state_dict(),
        "episodes": training.episodes.state_dict(),
        "record": training.record.state_dict(),
    }


def go_on(training: "Training", found: Checkpoint) -> None:
    """Bring a run that was just built to where it was at a checkpoint.

    Raises:
        StateError: if the checkpoint is of another kind of run.
        Interrupted: if a signal came meanwhile.
    """
    log.info(f"going on from {found.path}")
    missing = {WEIGHTS, LEARNER, RUN, REPLAY} - set(found.files)
    if missing:
        raise StateError(f"{found.path}: must have {', '.join(sorted(missing))} to go on from")
    training.step = training.saved_step = found.step
    _load_learner(training, found)
    run, replay = state.load(found.path / RUN), state.load(found.path / REPLAY)
    try:
        training.losses = matching(run, "losses", training.losses)
        training.rng = restored_rng(part(run, "rng"))
        training.stack.load_state_dict(part(run, "stack"))
        training.episodes.load_state_dict(part(run, "episodes"))
        training.buffer.load_state_dict(replay)
        frame = training.env.load_state_dict(part(run, "env"), training.interrupt.check)
        if not np.array_equal(frame, training.stack.observation[:, -1], equal_nan=True):
            raise StateError(
                "env: shows something else after the same actions; must be the same versions of "
                "its packages"
            )
        training.record.load_state_dict(part(run, "record"))
    except StateError as error:
        raise StateError(f"{found.path}: {error}") from error
    training.unscored = found.step > 0 and found.score is None and training.evaluation_due()
    training.progress.go_on(found.step)


def _load_learner(training: "Training", found: Checkpoint) -> None:
    weights, learner = found.weights(), load_tensors(found.path / LEARNER)
    try:
        _load_moments(training.optimizer, learner["moments"])
        training.agent.network.load_state_dict(weights)
        training.agent.load_state_dict(learner["agent"])
        torch.set_rng_state(learner["torch_rng"])
        if learner["cuda_rng"] is not None and training.device.type == "cuda":
            torch.cuda.set_rng_state(learner["cuda_rng"], training.device)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if memory.ran_out(error):
            raise
        reason = " ".join(str(error).split())
        raise StateError(f"{found.path}: not of this run's agent ({reason:.200})") from error


def _load_moments(optimizer: torch.optim.Optimizer, moments: dict[int, dict[str, Tensor]]) -> None:
    """Take in the state of all parameters; raises ValueError unless it is laid out as it must be.

    torch does not look, and its kernels would write past the end of what is too small.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # which makes moments as they must be
    optimizer.zero_grad()
    own = optimizer.state_dict()
    if moments and _layout(moments) != _layout(own["state"]):  # there are none before an update
        raise ValueError("its optimizer's moments are of another size")
    optimizer.load_state_dict({**own, "state": moments})


def _layout(moments: dict[int, dict[str, Tensor]]) -> dict[tuple[int, str], Any]:
    return {
        (parameter, name): (moment.dtype, moment.shape, moment.stride())
        for parameter, each in moments.items()
        for name, moment in each.items()
    }
