"""What rlax, DeepMind's library of learning rules, makes of some numbers.

    pip install rlax "jax[cpu]"
    python tests/agent/rlax_golden.py > tests/agent/rlax_golden.json

Losses and their gradients by the online network's outputs, in float64; `test_against_rlax.py` holds
our rules against them.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import rlax

BATCH, ACTIONS, OUTPUTS = 6, 3, 7
ATOMS = (-2.0, 4.0)


def inputs() -> dict[str, Any]:
    """Outputs [B, A, n] of networks here and at the next state, and what happened between."""
    rng = np.random.default_rng(0)
    outputs = {
        name: rng.normal(size=(BATCH, ACTIONS, OUTPUTS)).round(3)
        for name in ("online", "online_next", "target_next")
    }
    return outputs | {
        "action": rng.integers(ACTIONS, size=BATCH),
        "reward": rng.normal(scale=2, size=BATCH).round(3),
        "discount": np.where(rng.random(BATCH) < 0.3, 0.0, 0.97),
        "tau": rng.random((BATCH, OUTPUTS)).round(3),
    }


def dqn(online: Any, action: Any, reward: Any, discount: Any, target: Any, chooser: Any) -> Any:
    """Q-learning of the first output; without double learning the target chooses."""
    error = rlax.double_q_learning(
        online[:, 0], action, reward, discount, target[:, 0], chooser[:, 0]
    )
    return rlax.huber_loss(error, 1.0)


def c51(online: Any, action: Any, reward: Any, discount: Any, target: Any, chooser: Any) -> Any:
    """The same of distributions."""
    atoms = jnp.linspace(*ATOMS, OUTPUTS)
    values = jax.nn.softmax(chooser) @ atoms
    return rlax.categorical_double_q_learning(
        atoms, online, action, reward, discount, atoms, target, values
    )


def quantiles(kappa: float, tau: Any) -> Callable[..., Any]:
    """The same of quantiles at fractions tau [n]."""

    def loss(
        online: Any, action: Any, reward: Any, discount: Any, target: Any, chooser: Any
    ) -> Any:
        return rlax.quantile_q_learning(
            online.T, tau, action, reward, discount, chooser.T, target.T, kappa
        )

    return loss


def main() -> None:
    """Print inputs and what is made of them."""
    jax.config.update("jax_enable_x64", True)
    given = inputs()
    midpoints = (np.arange(OUTPUTS) + 0.5) / OUTPUTS
    rules = {
        "dqn": dqn,
        "c51": c51,
        "qr_dqn, kappa 1": quantiles(1.0, midpoints),
        "qr_dqn, kappa 0": quantiles(0.0, midpoints),
    }
    made: dict[str, Any] = {}
    for name, rule in rules.items():
        for double in (False, True):
            arguments = [given[key] for key in ("online", "action", "reward", "discount")]
            arguments += [given["target_next"], given["online_next" if double else "target_next"]]
            loss, gradient = jax.vmap(jax.value_and_grad(rule))(*arguments)
            made[f"{name}, double" if double else name] = {
                "loss": loss.tolist(),
                "gradient": gradient.tolist(),
            }
    loss = jax.vmap(rlax.quantile_regression_loss, (0, 0, 0, None))
    made["quantile regression"] = {
        "loss": loss(given["online"][:, 0], given["tau"], given["target_next"][:, 0], 1.0).tolist()
    }
    content = {
        "versions": {"rlax": rlax.__version__, "jax": jax.__version__},
        "inputs": {name: array.tolist() for name, array in given.items()},
        "made": made,
    }
    json.dump(content, sys.stdout)


if __name__ == "__main__":
    main()
