"""Hundreds of updates by themselves, on batches that are made up."""

import torch
from omegaconf import DictConfig

from dqn_experiments.experience.batch import Batch
from dqn_experiments.machine.devices import torch_settings
from dqn_experiments.train.learner import Learner
from tests.catch.config import catch

AGENTS = ("dqn", "double_dqn", "c51", "qr_dqn", "iqn", "munchausen_dqn", "munchausen_iqn")
OPTIMIZERS = ("adam", "adamw", "radam", "rmsprop")
FAMILY: list[list[str]] = [
    *([f"agent={agent}"] for agent in AGENTS),
    *(
        [f"optimizer={optimizer}", "optimizer.max_grad_norm=0.5", "optimizer/lr_factor=linear"]
        for optimizer in OPTIMIZERS
    ),
    ["network=noisy", "augmentation=random_shift", "augmentation.intensity=0.05"],
    [
        "network=impala",
        *("network.torso.spectral_norm=true", "network.torso.max_pool=6"),
        "network.layer_norm=true",
    ],
]
"""Overrides; what is computed differs from one to the next."""
RUN = "total_steps=300", "learning_starts=200", "buffer.capacity=200"


def learner_of(config: DictConfig) -> Learner:
    """One that chooses between three actions by four frames."""
    size = config.env.screen_size
    return Learner(config, (4, size, size), 3, torch.device(config.device))


def batches(number: int, size: int, screen: int, device: str) -> list[Batch]:
    """Always the same ones."""
    draw = torch.Generator().manual_seed(3)

    def one() -> Batch:
        def screens() -> torch.Tensor:
            shape = size, 4, screen, screen
            return torch.randint(256, shape, dtype=torch.uint8, generator=draw).to(device)

        return Batch(
            observation=screens(),
            action=torch.randint(3, (size,), generator=draw).to(device),
            reward=torch.randn(size, generator=draw).to(device),
            discount=torch.full((size,), 0.9).to(device),
            next_observation=screens(),
            weight=torch.rand(size, generator=draw).to(device),
            index=torch.arange(size),
        )

    return [one() for _ in range(number)]


def after_updates(learner: Learner, all_batches: list[Batch]) -> torch.Tensor:
    """The weights of both networks, in one line."""
    with torch_settings(1, deterministic=True):
        for number, batch in enumerate(all_batches):
            learner.update(batch, number)
            if number in (50, 120):
                learner.sync_target()
    networks = learner.network, learner.target_network
    return torch.cat([weight.flatten() for each in networks for weight in each.parameters()])


def settings(device: str, *chosen: str) -> DictConfig:
    """The config of a learner on that device."""
    return catch(*chosen, f"device={device}", *RUN)
