"""Algorithm 1 of Mnih et al. 2015 as one plain loop: slow, obvious, and with nothing of ours.

Every transition is kept as whole observations in a list; the networks are functional layers on
lists of weights; Adam and the losses are written out; epsilon and n-step returns are too. It takes
from the code under test what it cannot choose itself: the first weights, the random streams, and
which transitions a batch is made of.
"""

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


@dataclass
class Settings:
    """Of CartPole, N environments that never share a random stream."""

    num_envs: int
    env_seed: int
    learning_starts: int
    update_every: int
    target_update_every: int
    discount: float
    double: bool
    huber: bool
    lr: float
    start: float
    end: float
    decay_steps: int
    n_step: int


@dataclass
class Step:
    """What one environment did once."""

    observation: np.ndarray
    action: int
    reward: float
    after: np.ndarray
    terminated: bool
    done: bool


def values(weights: list[Tensor], observations: Any) -> Tensor:
    """Action values of a network of rectified layers."""
    x = torch.as_tensor(np.array(observations), dtype=torch.float32)
    for layer in range(0, len(weights), 2):
        x = functional.linear(x, weights[layer], weights[layer + 1])
        if layer + 2 < len(weights):
            x = x.clamp(min=0)
    return x


class SlowAlgorithm:
    """The loop; `choose_batch(n)` says which (environment, step) pairs the n-th batch is made of,
    and with which importance weights."""

    def __init__(
        self, settings: Settings, weights: list[Tensor], acting: np.random.Generator, choose: Any
    ) -> None:
        self.s = settings
        self.weights = [w.clone().requires_grad_() for w in weights]
        self.target = [w.clone() for w in weights]
        self.acting, self.choose = acting, choose
        self.moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
        self.updates = 0
        self.envs = [gymnasium.make("CartPole-v1") for _ in range(settings.num_envs)]
        self.lived: list[list[Step]] = [[] for _ in self.envs]
        self.now = [env.reset(seed=settings.env_seed + i)[0] for i, env in enumerate(self.envs)]
        self.actions: list[list[int]] = []
        self.priorities: list[list[float]] = []
        self.losses: list[float] = []
        self.episodes: list[tuple[int, float, int, float]] = []
        self.step = 0

    def run(self, steps: int) -> None:
        while self.step < steps:
            self.act(self.epsilon())
            before, self.step = self.step, self.step + self.s.num_envs
            if self.step <= self.s.learning_starts:
                continue
            for tick in range(before + 1, self.step + 1):
                if tick % self.s.update_every == 0:
                    self.update()
            if any(t % self.s.target_update_every == 0 for t in range(before + 1, self.step + 1)):
                self.target = [w.detach().clone() for w in self.weights]

    def epsilon(self) -> float:
        if self.step >= self.s.decay_steps:
            return self.s.end
        return self.s.start + (self.s.end - self.s.start) * self.step / self.s.decay_steps

    def act(self, epsilon: float) -> None:
        explores = self.acting.random(len(self.envs)) < epsilon
        at_random = self.acting.integers(2, size=len(self.envs))
        chosen = []
        for i, env in enumerate(self.envs):
            greedy = values(self.weights, [self.now[i]])[0].argmax().item()
            action = int(at_random[i] if explores[i] else greedy)
            after, reward, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
            self.lived[i].append(Step(self.now[i], action, float(reward), after, terminated, over))
            self.now[i] = env.reset()[0] if over else after
            chosen.append(action)
            if over:
                self.take_down_episode(self.lived[i], epsilon)
        self.actions.append(chosen)

    def take_down_episode(self, lived: list[Step], epsilon: float) -> None:
        length = 1
        while length < len(lived) and not lived[-length - 1].done:
            length += 1
        score = sum(step.reward for step in lived[-length:])
        self.episodes.append((self.step + self.s.num_envs, score, length, epsilon))

    def update(self) -> None:
        where, importance = self.choose(self.updates)
        total, priorities = torch.zeros(()), []
        for (i, t), weight in zip(where, importance, strict=True):
            loss, error = self.loss(i, t)
            total = total + weight * loss / len(where)
            priorities.append(abs(error))
        gradients = torch.autograd.grad(total, self.weights)
        self.updates += 1
        for w, g, (first, second) in zip(self.weights, gradients, self.moments, strict=True):
            first.mul_(0.9).add_(g, alpha=0.1)
            second.mul_(0.999).add_(g * g, alpha=0.001)
            corrected = first / (1 - 0.9**self.updates)
            spread = (second / (1 - 0.999**self.updates)).sqrt()
            with torch.no_grad():
                w -= self.s.lr * corrected / (spread + 1e-8)
        self.losses.append(total.item())
        self.priorities.append(priorities)

    def loss(self, i: int, t: int) -> tuple[Tensor, float]:
        """Of the n-step transition that starts at step t of environment i."""
        step, target, discount = self.lived[i][t], 0.0, 1.0
        for k in range(self.s.n_step):
            now = self.lived[i][t + k]
            target += discount * now.reward
            discount *= self.s.discount
            if now.done:
                break
        if not now.terminated:
            with torch.no_grad():
                after = values(self.target, [now.after])[0]
                chooser = values(self.weights, [now.after])[0] if self.s.double else after
            target += discount * float(after[chooser.argmax()])
        error = values(self.weights, [step.observation])[0, step.action] - target
        if self.s.huber and abs(error.item()) > 1:
            return error.abs() - 0.5, error.item()
        return (0.5 * error**2 if self.s.huber else error**2), error.item()
