"""Atari games, many at a time, in the C++ threads of ale-py."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import ale_py
import gymnasium
import numpy as np
from ale_py.registration import rom_id_to_name
from ale_py.vector_env import AtariVectorEnv
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import AtariPreprocessing, TimeLimit
from numpy.typing import NDArray
from pydantic import Field

from dqn_experiments.config.constraints import (
    Count,
    FrameStackSize,
    OptionalCount,
    Rom,
    UnitInterval,
)
from dqn_experiments.env.single_atari import SingleAtari
from dqn_experiments.experience.timestep import Beginning, Timestep
from dqn_experiments.machine.cores import usable_cores

Env = gymnasium.Env[Any, Any]
ScreenSize = Annotated[int, Field(ge=36, le=210)]  # less leaves the convolutions nothing to see


class AtariEnv:
    """N copies of one game, preprocessed as in Mnih et al. 2015.

    Grey screens, the maximum of the last two of `frame_skip` emulator frames, resized to
    `screen_size`. One frame per step comes out; stacking is the caller's.
    """

    observation_kind = "image"
    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        *,
        rom: Rom,
        num_envs: Count,
        num_threads: OptionalCount,
        frame_skip: Count,
        frame_stack: FrameStackSize,
        screen_size: ScreenSize,
        repeat_action_probability: UnitInterval,
        noop_max: OptionalCount,
        terminal_on_life_loss: bool,
        full_action_space: bool,
        max_frames: Count,
        clip_rewards: bool,
    ) -> None:
        self._env = AtariVectorEnv(
            rom,
            num_envs,
            # ale-py itself would count all cores of the machine
            num_threads=min(num_threads or usable_cores(), num_envs),
            autoreset_mode=AutoresetMode.SAME_STEP,
            stack_num=1,
            frameskip=frame_skip,
            img_height=screen_size,
            img_width=screen_size,
            repeat_action_probability=repeat_action_probability,
            noop_max=noop_max + 1 if noop_max else 0,  # ale-py stops one short of it
            use_fire_reset=False,
            full_action_space=full_action_space,
            max_num_frames_per_episode=max_frames,
            reward_clipping=False,
        )
        self._terminal_on_life_loss = terminal_on_life_loss
        self._clip_rewards = clip_rewards
        self._lives = np.zeros(num_envs, np.int32)
        self.began: list[Beginning] = [Beginning(None, 0)] * num_envs
        self.single = partial(
            SingleAtari,
            rom=rom,
            frame_skip=frame_skip,
            screen_size=screen_size,
            repeat_action_probability=repeat_action_probability,
            terminal_on_life_loss=terminal_on_life_loss,
            full_action_space=full_action_space,
            max_frames=max_frames,
            clip_rewards=clip_rewards,
        )
        self.num_envs = num_envs
        self.num_actions = len(self._env.ale.get_action_set())
        self.frame_skip, self.max_frames = frame_skip, max_frames
        self.observation_shape = (frame_stack, screen_size, screen_size)

    def reset(self, seed: int | None, which: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
        """Start episodes, all randomness from `seed`.

        Args:
            seed: each environment has one of its own, this one or a following number; None: any.
            which: bool [N], environments to start; None: all.

        Returns:
            The frames of all environments, u8 [N, H, W].
        """
        options = None if which is None else {"reset_mask": which}
        observation, info = self._env.reset(seed=seed, options=options)
        self._lives = info["lives"]
        seeded = np.arange(self.num_envs) if which is None else np.flatnonzero(which)
        for number, index in enumerate(seeded.tolist()):
            own = None if seed is None else seed + number
            self.began[index] = Beginning(own, int(info["episode_frame_number"][index]))
        return observation[:, 0]

    def step(self, action: NDArray[np.int64]) -> Timestep:
        """Hold `action` i64 [N] for `frame_skip` emulator frames; ended episodes start anew.

        With `terminal_on_life_loss` a lost life is terminal to the learner, and the game goes on.
        """
        observation, score, terminated, truncated, info = self._env.step(action)
        done = terminated | truncated
        first_frame = observation[:, 0]
        frame = first_frame
        if done.any():
            for index in np.flatnonzero(done).tolist():
                self.began[index] = Beginning(None, int(info["episode_frame_number"][index]))
            frame = np.where(done[:, None, None], info["final_obs"][:, 0], first_frame)
        terminal = terminated
        if self._terminal_on_life_loss:
            terminal = terminated | (~done & (info["lives"] < self._lives))
        self._lives = info["lives"]
        score = score.astype(np.float32)
        reward = np.sign(score) if self._clip_rewards else score
        return Timestep(frame, reward, score, terminal, done, first_frame)

    @staticmethod
    def viewable(
        render_mode: str,
        on_screen: Callable[[Env], Env],
        /,
        *,
        rom: str,
        frame_skip: int,
        screen_size: int,
        repeat_action_probability: float,
        noop_max: int,
        full_action_space: bool,
        max_frames: int,
        **_: Any,
    ) -> Env:
        """One copy of the game for a spectator; `step` yields the same frames as this class.

        `on_screen` wraps the emulator, which advances one frame at a time and renders in true
        colours, before the preprocessing that the agent sees.
        """
        gymnasium.register_envs(ale_py)
        emulator = gymnasium.make(
            f"ALE/{rom_id_to_name(rom)}-v5",
            frameskip=1,
            repeat_action_probability=repeat_action_probability,
            full_action_space=full_action_space,
            max_num_frames_per_episode=0,  # none: it would count no-ops too
            render_mode=render_mode,
        )
        rate = SingleAtari.frames_per_second  # gymnasium has 30
        emulator.metadata = {**emulator.metadata, "render_fps": rate}
        seen = AtariPreprocessing(
            on_screen(emulator), noop_max=noop_max, frame_skip=frame_skip, screen_size=screen_size
        )
        return TimeLimit(seen, -(-max_frames // frame_skip))

    def close(self) -> None:
        """Stop the emulator threads."""
        self._env.close()
