"""The settings of published agents, written from their sources rather than from conf/experiment."""

from math import sqrt
from typing import Any

Table = dict[str, Any]
ABSENT = object()

SHARED: Table = {  # of all Atari agents (Mnih et al. 2015, Extended Data Table 1)
    "env.num_envs": 1,
    "env.frame_skip": 4,
    "env.frame_stack": 4,
    "env.screen_size": 84,
    "env.clip_rewards": True,
    "buffer.capacity": 10**6,
    "buffer.batch_size": 32,
    "buffer.n_step": 1,
    "agent.discount": 0.99,
    "agent.target_update_unit": "steps",
    "agent.target_mix": 1.0,
    "agent.random_target": False,
    "agent.double": False,
    "network.hidden": [512],
    "network.dueling": False,
    "network.shared_hidden": False,
    "network.noisy_sigma": None,
    "network.layer_norm": False,
    "network.shared_bias": False,
    "network.torso_gradient": 1.0,
    "network.torso.padding": "valid",
    "optimizer.max_grad_norm": None,
    "optimizer.lr_factor.value": 1.0,
    "augmentation._target_": "dqn_experiments.augmentation.none.Unchanged",
    "total_steps": 200_000_000 // 4,
    "update_every": 4,
    "updates_at_once": 1,
    "overlap_updates": False,
    "reset.every": 0,
}
NO_STICKY: Table = {
    "env.repeat_action_probability": 0.0,
    "env.noop_max": 30,
    "env.terminal_on_life_loss": True,
    "env.full_action_space": False,
    "env.max_frames": 108_000,
}
STICKY: Table = {
    "env.repeat_action_probability": 0.25,
    "env.noop_max": 0,
    "env.terminal_on_life_loss": False,
    "env.full_action_space": False,
    "env.max_frames": 27_000 * 4,
}


def adam(lr: float, eps: float) -> Table:
    target = "dqn_experiments.optimizer.adam.Adam"
    return {"optimizer._target_": target, "optimizer.lr": lr, "optimizer.eps": eps}


def epsilon(end: float, steps: int, delay: int) -> Table:
    return {
        "schedule.start": 1.0,
        "schedule.end": end,
        "schedule.steps": steps,
        "schedule.delay": delay,
    }


def evaluated(epsilon: float, max_frames: int = 108_000) -> Table:
    return {"evaluation.epsilon": epsilon, "evaluation.max_frames": max_frames}


NATURE = {
    **SHARED,
    **NO_STICKY,
    "protocol": "nature",
    "learning_starts": 50_000,
    "agent.target_update_every": 10_000,
    "agent.loss": "huber",
    "agent.munchausen": False,
    "optimizer.lr": 0.00025,
    "optimizer.decay": 0.95,
    "optimizer.eps": 0.01 / 32**2,
    "evaluation.episodes": 30,
    **epsilon(0.1, 1_000_000, 50_000),
    **evaluated(0.05, 5 * 60 * 60),
}
DOUBLE = {
    **NATURE,
    "protocol": "no_ops",
    "agent.double": True,
    "network.shared_bias": True,
    "agent.target_update_every": 30_000,
    "schedule.end": 0.01,
    **evaluated(0.01),
}
C51 = {
    **{key: value for key, value in NATURE.items() if key not in ("agent.loss", "optimizer.decay")},
    "agent.munchausen": ABSENT,
    "protocol": "no_ops",
    "agent.atoms": 51,
    "agent.v_min": -10.0,
    "agent.v_max": 10.0,
    "schedule.end": 0.01,
    **adam(0.00025, 0.01 / 32),
    "optimizer.max_grad_norm": 10.0,
    **evaluated(0.001),
}
QUANTILES = {
    **{key: value for key, value in C51.items() if not key.startswith("agent.")},
    **{key: SHARED[key] for key in SHARED if key.startswith("agent.")},
    "agent.target_update_every": 10_000,
    "agent.kappa": 1.0,
    "agent.munchausen": False,
    **adam(0.00005, 0.01 / 32),
}
DOPAMINE = {
    **SHARED,
    **STICKY,
    "protocol": "dopamine",
    "learning_starts": 20_000,
    "agent.target_update_every": 8_000,
    "network.torso.padding": "same",
    "network.init": "variance_scaling",
    **adam(0.0000625, 0.00015),
    **epsilon(0.01, 250_000, 20_000),
    **evaluated(0.001),
}
IQN_64: Table = {
    "agent.tau_samples": 64,
    "agent.target_tau_samples": 64,
    "agent.act_samples": 32,
    "agent.cosines": 64,
    "agent.first_cosine": 1,
    "agent.kappa": 1.0,
    "agent.shared_samples": False,
}
MUNCHAUSEN: Table = {
    **adam(0.00005, 0.0003125),
    "agent.munchausen": True,
    "agent.munchausen_alpha": 0.9,
    "agent.entropy_temperature": 0.03,
    "agent.log_policy_floor": -1.0,
    "agent.log_policy_network": "target",
}
RAINBOW = {
    **SHARED,
    **NO_STICKY,
    "protocol": "no_ops",
    "learning_starts": 80_000 // 4,
    "agent.target_update_every": 32_000 // 4,
    "agent.double": True,
    "agent.atoms": 51,
    "agent.v_min": -10.0,
    "agent.v_max": 10.0,
    "agent.priority": "kl",
    "network.dueling": True,
    "network.noisy_sigma": 0.5,
    "buffer.n_step": 3,
    "buffer.alpha": 0.5,
    "buffer.beta.start": 0.4,
    "buffer.beta.end": 1.0,
    "buffer.beta.steps": 50_000_000,
    "buffer.read_ahead": False,
    "schedule.value": 0.0,
    **adam(0.0000625, 0.00015),
    "optimizer.max_grad_norm": 10.0,
    **evaluated(0.0),
}
ATARI_100K: Table = {
    "protocol": "atari_100k",
    "total_steps": 400_000 // 4,
    "learning_starts": 1_600,
    "update_every": 1,
    "evaluation.episodes": 100,
    "buffer.capacity": 110_000,  # 100,000 steps, and the last frame of each episode
    **adam(0.0001, 0.00015),
    **evaluated(0.001),
}

TABLE: dict[str, Table] = {
    "nature_2015": NATURE,
    "double_dqn": DOUBLE,
    "dueling": {
        **DOUBLE,
        "network.dueling": True,
        "network.shared_bias": False,
        "network.torso_gradient": 1 / sqrt(2),
        "optimizer.lr": 0.00025 / 4,
        "optimizer.max_grad_norm": 10.0,
        **evaluated(0.001),
    },
    "prioritized": {
        **DOUBLE,
        "optimizer.lr": 0.00025 / 4,
        "optimizer.eps": 0.01 / 32**2 / 4**2,
        "buffer.alpha": 0.6,
        "buffer.beta.start": 0.4,
        "buffer.beta.end": 1.0,
        "buffer.beta.steps": 50_000_000,
        "buffer.uniform_mix": 0.001,
        "buffer.read_ahead": False,
    },
    "c51": C51,
    "qr_dqn": {**QUANTILES, "agent.quantiles": 200},
    "iqn": {**QUANTILES, **IQN_64, "optimizer.max_grad_norm": None},
    "dopamine_dqn": {**DOPAMINE, "agent.loss": "mse", "network.init": "xavier_uniform"},
    "munchausen_dqn": {
        **DOPAMINE,
        **MUNCHAUSEN,
        "agent.loss": "huber",
        "network.init": "xavier_uniform",
    },
    "munchausen_iqn": {**DOPAMINE, **MUNCHAUSEN, **IQN_64},
    "dopamine_rainbow": {
        **DOPAMINE,
        "agent.atoms": 51,
        "agent.v_max": 10.0,
        "agent.priority": "loss",
        "buffer.n_step": 3,
        "buffer.alpha": 0.5,
        "buffer.epsilon": 1e-10,
        "buffer.beta.value": 0.5,
        "buffer.uniform_mix": 0.0,
        "buffer.read_ahead": False,
    },
    "rainbow": RAINBOW,
    "rainbow_100k": {
        **RAINBOW,
        **ATARI_100K,
        "agent.target_update_every": 2_000,
        "agent.target_update_unit": "updates",
        "buffer.n_step": 20,
        "buffer.beta.steps": 100_000,
        "network.hidden": [256],
        "network.noisy_sigma": 0.1,
        "network.torso._target_": "dqn_experiments.network.torso.data_efficient.DataEfficientCNN",
        "network.torso.padding": ABSENT,
    },
    "drq_100k": {
        **SHARED,
        **NO_STICKY,
        **ATARI_100K,
        "agent.target_update_every": 1,
        "agent.double": True,
        "agent.loss": "huber",
        "buffer.n_step": 10,
        "network.dueling": True,
        "network.shared_hidden": True,
        "network.torso.padding": "same",
        "network.init": "xavier_uniform",
        "augmentation._target_": "dqn_experiments.augmentation.random_shift.RandomShift",
        "augmentation.pad": 4,
        "augmentation.intensity": 0.05,
        **epsilon(0.01, 5_000, 1_600),
    },
    "btr": {
        **SHARED,
        **STICKY,
        **MUNCHAUSEN,
        **IQN_64,
        "protocol": "dopamine",
        "env.num_envs": 64,
        "update_every": 64,
        "overlap_updates": True,
        "learning_starts": 200_000,
        "agent.discount": 0.997,
        "agent.target_update_every": 500,
        "agent.target_update_unit": "updates",
        "agent.tau_samples": 8,
        "agent.target_tau_samples": 8,
        "agent.act_samples": 8,
        "agent.shared_samples": True,
        "agent.first_cosine": 0,
        "agent.log_policy_network": "online",
        "agent.priority": "td_error",
        "buffer.batch_size": 256,
        "buffer.n_step": 3,
        "buffer.alpha": 0.2,
        "buffer.beta.value": 0.45,
        "buffer.read_ahead": False,
        "network.dueling": True,
        "network.noisy_sigma": 0.5,
        "network.torso.padding": ABSENT,
        "network.torso.width": 2,
        "network.torso.max_pool": 6,
        "network.torso.spectral_norm": True,
        **adam(0.0001, 0.005 / 256),
        "optimizer.max_grad_norm": 10.0,
        **epsilon(0.01, 2_000_000, 0),
        "schedule.off_after": 25_000_000,
        **evaluated(0.01),
    },
}
