"""A captured function gives what the function gives; here a stand-in is the graph."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from dqn_experiments.machine import captured
from dqn_experiments.machine.captured import WARM_UP, Captured, Function
from dqn_experiments.train import learner, policy
from tests.catch.config import catch
from tests.train.family import covering, label, overrides
from tests.train.test_family import SMALL, trained


class StandIn:
    """Computes what was captured again, from the same tensors into the same ones."""

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


def test_what_cannot_be_captured_is_called(
    graphs: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def waits(*_: Any) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    monkeypatch.setattr(StandIn, "capture", waits)
    calls = []

    def function(x: Tensor) -> tuple[Tensor]:
        calls.append(x)
        return (x,)

    called = Captured(function, "an update", graphs=True)
    with caplog.at_level("INFO"):
        for value in range(3 * WARM_UP):
            assert called(torch.full((1,), float(value)))[0].item() == value
    assert len(calls) == 3 * WARM_UP
    assert [record.message for record in caplog.records] == [
        "an update goes kernel by kernel, slowly: operation not permitted when stream is capturing"
    ]


@pytest.mark.parametrize("chosen", covering(18)[::4], ids=label)
def test_a_run_by_graphs_is_the_same_run(
    chosen: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    config = catch(*SMALL, *overrides(chosen))
    plain = trained(config, tmp_path / "plain")
    request.getfixturevalue("graphs")
    assert trained(config, tmp_path / "graphs", (15, 36)) == plain
