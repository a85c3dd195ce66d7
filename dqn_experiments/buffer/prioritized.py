"""Prioritized experience replay (Schaul et al. 2016), the proportional variant."""

from typing import Unpack

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dqn_experiments.buffer.replay import Replay, ReplayOptions, naming_capacity
from dqn_experiments.buffer.sum_tree import SumTree
from dqn_experiments.config.constraints import Positive, Schedule, UnitInterval
from dqn_experiments.errors import StateError
from dqn_experiments.experience.spec import ReplaySpec
from dqn_experiments.experience.timestep import Timestep
from dqn_experiments.state import State, matching, plain


class PrioritizedReplay(Replay):
    """Transitions are drawn in proportion to p^alpha, where p = priority + epsilon and the
    priority is what the learning rule gave last, the |TD error| of DQN.

    A new transition has the largest p there has been. A batch is stratified: the total is cut into
    `batch_size` equal ranges and one transition drawn from each; each of these is replaced with
    probability `uniform_mix` by any of the N that can be drawn. So, and with importance weights w,

        P(i) = (1 - uniform_mix) p_i^alpha / sum_k p_k^alpha + uniform_mix / N,
        w_i = (N P(i))^-beta / max_j w_j,

    j over the batch, with `beta` a schedule of agent steps. With `read_ahead`, the priorities of a
    batch count from the next but one.
    """

    def __init__(
        self,
        spec: ReplaySpec,
        /,
        *,
        alpha: UnitInterval,
        beta: Schedule,
        epsilon: Positive,
        max_priority: Positive | None,
        uniform_mix: UnitInterval,
        **options: Unpack[ReplayOptions],
    ) -> None:
        super().__init__(spec, **options)
        self._alpha, self._beta, self._epsilon = alpha, beta, epsilon
        self._max_priority, self._uniform_mix = max_priority or np.inf, uniform_mix
        self._seen = np.zeros_like(self._rings.count)  # slots whose priority is settled
        with naming_capacity(options["capacity"]):
            self._tree = SumTree(len(self._seen) * self._rings.length)
        self._drawable = 0  # leaves that are not 0
        self._largest = min(1.0, self._max_priority)
        self._steps = 0
        self._unsettled: tuple[NDArray[np.int64], NDArray[np.bool_], Tensor] | None = None

    def add(self, action: NDArray[np.int64], timestep: Timestep) -> None:
        """Store what `action` i64 [N] led to."""
        super().add(action, timestep)
        self._steps += len(action)

    def update(self, index: Tensor, priority: Tensor) -> None:
        """Set p of the batch with that `index` i64 [B], where it is still stored."""
        self._settle()
        drawn = index.numpy()
        self._unsettled = drawn, self._rings.stored(drawn), priority.clone()

    def _settle(self) -> None:
        """Do so, once somebody asks: the device may still be at work on them until then."""
        if self._unsettled is None:
            return
        drawn, stored, priority = self._unsettled
        self._unsettled = None
        given = priority.cpu().numpy().astype(np.float64)
        p = np.minimum(given[stored], self._max_priority) + self._epsilon
        self._largest = max(self._largest, float(p.max(initial=0)))
        self._tree.set(self._leaf(drawn[stored]), p**self._alpha)

    def _draw(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        self._settle()
        self._take_in_new()
        size = self._batch_size
        mass = (np.arange(size) + self._rng.random(size)) * (self._tree.total / size)
        leaf = self._tree.find(mass)
        if self._uniform_mix:
            replaced = np.flatnonzero(self._rng.random(size) < self._uniform_mix)
            leaf[replaced] = self._draw_uniformly(len(replaced))
        env, slot = np.divmod(leaf, self._rings.length)
        newest = self._rings.count[env] - 1
        number = newest - (newest - slot) % self._rings.length
        mean = self._tree.total / self._drawable
        probability = (1 - self._uniform_mix) * self._tree.leaves[leaf] + self._uniform_mix * mean
        weight = (probability / probability.min()) ** -self._beta(self._steps)
        return self._rings.index(env, number), weight.astype(np.float32)

    def _draw_uniformly(self, number: int) -> NDArray[np.int64]:
        """Any leaves i64 [number] that are not 0: slots are drawn until they hold one."""
        leaf = np.empty(0, np.int64)
        while len(leaf) < number:
            slot = self._rings.stored_index(self._rng.integers(len(self), size=number))
            candidate = self._leaf(slot)
            leaf = np.concatenate([leaf, candidate[self._tree.leaves[candidate] > 0]])
        return leaf[:number]

    def _take_in_new(self) -> None:
        """Give each transition that was completed since the last draw the largest priority."""
        oldest = np.maximum(self._seen, self._rings.count - self._rings.length)
        number = [np.arange(*ends) for ends in zip(oldest, self._rings.count, strict=True)]
        env = np.repeat(np.arange(len(number)), [len(part) for part in number])
        index = self._rings.index(env, np.concatenate(number))
        complete = self._rings.complete(index)
        largest, leaf = self._largest**self._alpha, self._leaf(index)
        self._drawable += int(complete.sum()) - int(np.count_nonzero(self._tree.leaves[leaf]))
        self._tree.set(leaf, np.where(complete, largest, 0.0))
        pending = ~complete & ~self._rings.last(index)  # these are the newest of their environment
        self._seen = self._rings.count - np.bincount(env[pending], minlength=len(number))

    def _leaf(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        env, number = self._rings.slot(index)
        return env * self._rings.length + number % self._rings.length

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return super().nbytes + self._tree.nbytes

    @property
    def full_nbytes(self) -> int:
        """Memory in use once full, as far as can be told by now."""
        return super().full_nbytes + self._tree.nbytes

    def state_dict(self) -> State:
        """Everything stored, compressed as it is, the priorities, and the batch read ahead."""
        self._settle()
        return {
            **super().state_dict(),
            "priority": self._tree.leaves.copy(),
            "seen": self._seen.copy(),
            "largest": self._largest,
            "steps": self._steps,
        }

    def load_state_dict(self, state: State) -> None:
        """Take in what `state_dict` gave.

        Raises:
            StateError: if it is damaged or of another kind of memory; nothing is taken in then.
        """
        priority = matching(state, "priority", self._tree.leaves)
        seen = matching(state, "seen", self._seen)
        largest, steps = plain(state, "largest", float), plain(state, "steps", int)
        if not (np.isfinite(priority).all() and (priority >= 0).all()):
            raise StateError("priority: must be finite and not negative")
        super().load_state_dict(state)
        self._unsettled = None
        self._tree.set(np.arange(len(priority)), priority)
        self._drawable = int(np.count_nonzero(priority))
        self._seen, self._largest, self._steps = seen, largest, steps
