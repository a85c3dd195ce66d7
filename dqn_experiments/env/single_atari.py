"""One Atari game on its own, exactly as one of many plays it, whose state can be saved."""

import struct
from collections.abc import Callable

import ale_py
import cv2
import numpy as np
from ale_py import roms
from numpy.typing import NDArray

from dqn_experiments.errors import StateError
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.state import State, matching, plain

NOOP = 0
UNTIL_SAVABLE = 1_000  # frames; 25 were enough in all games
UNTIL_TAKEN = 20
"""Frames until even sticky actions have taken one."""


class SingleAtari:
    """Plays what one of the games of `ale_py.vector_env.AtariVectorEnv` plays, frame for frame.

    That one draws by itself how many no-ops an episode begins with, so here it is told. Grey
    screens, the maximum of the last two of `frame_skip`, resized; see `AtariEnv`.
    """

    spectator: Callable[[NDArray[np.uint8]], None] | None = None
    """Is shown every emulator frame in the game's own colours, u8 [H, W, 3]."""
    frames_per_second = 60
    """Of those; the console's rate."""

    def __init__(
        self,
        *,
        rom: str,
        frame_skip: int,
        screen_size: int,
        repeat_action_probability: float,
        terminal_on_life_loss: bool,
        full_action_space: bool,
        max_frames: int,
        clip_rewards: bool,
    ) -> None:
        self._rom = str(roms.get_rom_path(rom))
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self.ale = ale_py.ALEInterface()
        self.ale.setFloat("repeat_action_probability", repeat_action_probability)
        self.ale.loadROM(self._rom)
        legal = (
            self.ale.getLegalActionSet() if full_action_space else self.ale.getMinimalActionSet()
        )
        self._actions = list(legal)
        self._frame_skip, self._max_frames = frame_skip, max_frames
        self._size = (screen_size, screen_size)
        self._terminal_on_life_loss, self._clip_rewards = terminal_on_life_loss, clip_rewards
        self._screens = np.zeros((2, *self.ale.getScreenDims()), np.uint8)
        self._action = np.zeros((), np.int64)  # the last one
        self._elapsed = np.zeros((), np.int64)  # emulator frames of this episode, without no-ops

    def begin(self, seed: int | None, frames: int) -> None:
        """Begin an episode, see `Beginning`; games whose start is some frames long count them."""
        if seed is not None:
            self.ale.setInt("random_seed", seed)
            self.ale.loadROM(self._rom)
        self.ale.reset_game()
        self._show()
        while self.ale.getEpisodeFrameNumber() < frames:
            self.ale.act(NOOP)
            self._show()
        self.ale.getScreenGrayscale(self._screens[0])
        self._screens[1] = 0
        self._elapsed[...] = 0

    def step(self, action: int) -> Timestep:
        """What an action leads to, as one environment's [1, ...] and with no next episode."""
        self._action[...] = action
        lives, score, over = self.ale.lives(), 0, False
        for left in reversed(range(self._frame_skip)):
            score += self.ale.act(self._actions[action])
            self._show()
            self._elapsed += 1
            over = self.ale.game_over(with_truncation=False)
            if over or self._elapsed >= self._max_frames:
                break
            if left < 2:
                self.ale.getScreenGrayscale(self._screens[left])
        np.maximum(self._screens[0], self._screens[1], out=self._screens[0])
        done = over or bool(self._elapsed >= self._max_frames)
        lost_life = self._terminal_on_life_loss and not done and self.ale.lives() < lives
        frame, raw = self.frame[None], np.array([score], np.float32)
        return Timestep(
            frame,
            np.sign(raw) if self._clip_rewards else raw,
            raw,
            np.array([over or lost_life]),
            np.array([done]),
            frame,
        )

    @property
    def frame(self) -> NDArray[np.uint8]:
        """u8 [H, W]: what the last step led to."""
        return np.asarray(
            cv2.resize(self._screens[0], self._size, interpolation=cv2.INTER_AREA), np.uint8
        )

    def _show(self) -> None:
        if self.spectator is not None:
            self.spectator(self.ale.getScreenRGB())

    def _settle(self, action: NDArray[np.int64]) -> None:
        """Bring what is in no state to where it is between two frames, after that action.

        A sticky action is the one that an emulator took last, which may be an earlier one still.
        """
        self.begin(None, 0)
        for number in range(UNTIL_SAVABLE):
            if number >= UNTIL_TAKEN and self.savable:
                break
            self.ale.act(self._actions[int(action)])

    @property
    def savable(self) -> bool:
        """Whether a picture has just been drawn; in the middle of one, ALE's state is not all.

        The video chip (TIA) notes the scan lines of the last whole picture and of the current one.
        """
        _, _, found = self._emulator().partition(b"TIA")
        *_, whole, current = struct.unpack_from("<7i", found)
        return bool(whole == current)

    def _emulator(self) -> bytes:
        return bytes(self.ale.cloneState(include_rng=True).serialize())

    def state_dict(self) -> State:
        """The emulator as ale-py writes it, random streams included, and what it showed last."""
        return {
            "ale_py": ale_py.__version__,
            "emulator": [self._emulator()],
            "screens": self._screens.copy(),
            "action": self._action.copy(),
            "elapsed": self._elapsed.copy(),
        }

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError.

        ALE believes every number in it, addresses among them: never load what a stranger wrote.
        """
        if plain(state, "ale_py", str) != ale_py.__version__:
            raise StateError(f"ale_py: must be {state['ale_py']}, and is {ale_py.__version__}")
        screens = matching(state, "screens", self._screens)
        elapsed = matching(state, "elapsed", self._elapsed)
        action = matching(state, "action", self._action)
        self._settle(action)
        try:
            (emulator,) = plain(state, "emulator", list)
            self.ale.restoreState(ale_py.ALEState(emulator))
        except (RuntimeError, SystemError, TypeError, ValueError) as error:
            raise StateError(f"emulator: must be the state of a game ({error})") from error
        self._screens, self._elapsed = screens.copy(), elapsed.copy()
        self._action = action.copy()
