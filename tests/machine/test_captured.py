"""A captured function gives what the function gives; here a stand-in is the graph."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from dqn_experiments.agent.dqn import DQN
from dqn_experiments.errors import TrainingError
from dqn_experiments.machine import captured
from dqn_experiments.machine.captured import WARM_UP, Captured, Function, capturable
from dqn_experiments.train import learner, policy
from tests.catch.config import catch
from tests.train.family import covering, label, overrides
from tests.train.test_family import SMALL, trained

AGENTS = ("dqn", "c51", "qr_dqn", "iqn")


class StandIn:
    """Computes what was captured again, from the same tensors into the same ones."""

    def __init__(self, device: torch.device) -> None:
        pass

    def warm_up(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return function(*inputs)

    def capture(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # what there is to write to, without computing anything: no state may change
        self._again = lambda: function(*inputs)
        self._outputs: list[Tensor] = []
        return _Later(self._outputs)  # type: ignore[return-value]

    def replay(self) -> None:
        outputs = self._again()
        if self._outputs:
            for own, new in zip(self._outputs, outputs, strict=True):
                own.copy_(new)
        else:
            self._outputs.extend(output.clone() for output in outputs)


class _Later:
    def __init__(self, outputs: list[Tensor]) -> None:
        self._outputs = outputs

    def __iter__(self) -> Any:
        return iter(self._outputs)

    def __getitem__(self, index: int) -> Tensor:
        return self._outputs[index]


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "CudaGraph", StandIn)

    def always(function: Callable[..., Any], what: str, graphs: bool) -> Captured:
        return Captured(function, what, True)

    monkeypatch.setattr(learner, "Captured", always)
    monkeypatch.setattr(policy, "Captured", always)


def test_it_gives_what_the_function_gives(graphs: None) -> None:
    doubled = Captured(lambda x: (2 * x,), "doubling", graphs=True)
    for value in range(3 * WARM_UP):
        assert doubled(torch.full((3,), float(value)))[0].tolist() == [2.0 * value] * 3
    assert doubled(torch.ones(5))[0].tolist() == [2.0] * 5  # of another shape
    assert doubled(torch.full((3,), 2**60))[0].tolist() == [2**61] * 3  # of another type


def test_what_cannot_be_captured_is_told_with_its_reason_and_the_way_on(
    graphs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(*_: Any) -> None:
        try:
            raise RuntimeError("operation not permitted when stream is capturing\nmore")
        finally:  # as torch's, which then cannot end the capture
            raise RuntimeError("operation failed due to a previous error")

    monkeypatch.setattr(StandIn, "capture", waits)
    called = Captured(lambda x: (x,), "an update", graphs=True)
    for value in range(WARM_UP):
        assert called(torch.full((1,), float(value)))[0].item() == value
    with pytest.raises(TrainingError) as told:
        called(torch.ones(1))
    assert str(told.value) == (
        "cuda_graphs=true: an update cannot be one CUDA graph (operation not permitted when stream "
        "is capturing); cuda_graphs=false goes on"
    )


class Counts(nn.Identity):
    """Of another package than ours."""


class SaysSo(nn.Identity):
    capturable = True


class Inherits(SaysSo):
    """And so has not looked at itself."""


@pytest.mark.parametrize("agent", AGENTS)
def test_ours_can_be_captured(agent: str) -> None:
    of_ours = learner.Learner(
        catch(f"agent={agent}", "network=noisy", "network.shared_bias=true"),
        (4, 84, 84),
        3,
        torch.device("cpu"),
    )
    parts = of_ours.rule, of_ours.network, of_ours._augment, of_ours._optimizer
    assert all(map(capturable, parts))


def test_others_are_if_they_say_so() -> None:
    rule = type("TheirRule", (DQN,), {"__module__": "theirs"})
    assert not capturable(object.__new__(rule))
    assert not capturable(torch.optim.SGD([nn.Parameter(torch.ones(1))]))
    for module, holds in ((Counts(), False), (SaysSo(), True), (Inherits(), False)):
        assert capturable(nn.Sequential(nn.ReLU(), module)) == holds
    layer = parametrizations.spectral_norm(nn.Linear(3, 3))
    assert capturable(layer)
    their_layer = type("TheirLayer", (nn.Linear,), {"__module__": "theirs"})(3, 3)
    assert not capturable(parametrizations.spectral_norm(their_layer))


@pytest.mark.parametrize("chosen", covering(18)[::4], ids=label)
def test_a_run_by_graphs_is_the_same_run(
    chosen: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config = catch(*SMALL, *overrides(chosen))
    plain = trained(config, tmp_path / "plain")
    request.getfixturevalue("graphs")
    assert trained(config, tmp_path / "graphs", (15, 36)) == plain
