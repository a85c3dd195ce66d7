"""Deep Q-learning: Algorithm 1 of Mnih et al. 2015, over N environments."""

from omegaconf import DictConfig

from dqn_experiments.config.components import build_epsilon
from dqn_experiments.experience.contract import Replay
from dqn_experiments.run.record import Episode
from dqn_experiments.state import State, part, plain
from dqn_experiments.train.learner import Learner
from dqn_experiments.train.player import Player
from dqn_experiments.train.statistics import Losses


class Loop:
    """Act, store, sample, update, sync: where a run is in Algorithm 1, and its next step."""

    def __init__(
        self, config: DictConfig, player: Player, replay: Replay, learner: Learner
    ) -> None:
        self.player, self.replay, self.learner = player, replay, learner
        self._schedule = build_epsilon(config)
        self._learning_starts = config.learning_starts  # plain numbers: they are read every step
        self._update_every = config.update_every
        self._updates_at_once = config.updates_at_once
        self._overlap_updates = config.overlap_updates
        in_steps = learner.rule.target_update_unit == "steps"  # else the learner counts
        self._target_update_every = learner.rule.target_update_every if in_steps else 0
        self._reset_every, self._reset_until = config.reset.every, config.reset.until
        self._kept = config.reset.keep_torso, config.reset.keep_head
        self.losses = Losses()
        self.step = 0
        """Agent steps so far, over all environments."""

    def start(self) -> None:
        """Begin from nothing."""
        self.replay.reset(self.player.start())

    def advance(self) -> list[Episode]:
        """One step in every environment, and the updates due by then; returns ended episodes."""
        finish = self.player.begin_step(self.epsilon)
        self.step += self.player.num_envs
        if self._overlap_updates:
            self._learn()
        played = finish()
        self.replay.add(played.action, played.timestep)
        if not self._overlap_updates:
            self._learn()
        return self.player.ended(played, self.step, self.losses.so_far)

    def _learn(self) -> None:
        """What is due by now, from what is stored."""
        if self.step <= self._learning_starts:
            return
        for _ in range(self._updates_at_once * self.times_due(self._update_every)):
            batch = self.replay.sample()
            update = self.learner.update(batch, self.step)
            self.replay.update(batch.index, update.priority)
            self.losses.add(self.step, update.loss)
        for _ in range(self.times_due(self._target_update_every)):
            self.learner.sync_target()
        if self.times_due(self._reset_every) and self.step <= self._reset_until:
            self.learner.reset(*self._kept)

    @property
    def epsilon(self) -> float:
        """How often the next step explores."""
        return self._schedule(self.step)

    def times_due(self, every: int) -> int:
        """How many multiples of `every` the last step reached; 0 means never."""
        return self.step // every - (self.step - self.player.num_envs) // every if every else 0

    def state_dict(self) -> State:
        """Where it is."""
        return {"step": self.step, "losses": self.losses.state_dict()}

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave; raises StateError."""
        self.step = plain(state, "step", int)
        self.losses.load_state_dict(part(state, "losses"))
