"""Many small kernels as one CUDA graph."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from dqn_experiments.errors import TrainingError
from dqn_experiments.machine.memory import ran_out

Function = Callable[..., tuple[Tensor, ...]]

WARM_UP = 3
"""Calls before a function is captured, in which libraries choose and prepare their kernels."""


class Captured:
    """Calls a function of tensors; on a GPU as one CUDA graph, after a few calls.

    To launch the kernels of a small network one by one takes several times as long as they do. The
    function must do the same for all tensors of one shape and type, wait for nothing, and draw
    from the device's global generator alone. What it returns is overwritten by the next call.

    Args:
        function: tensors to tensors.
        what: it does, for people.
        graphs: whether it is captured, which takes a GPU; else it is simply called.
    """

    def __init__(self, function: Function, what: str, graphs: bool) -> None:
        self._function, self._what, self._graphs = function, what, graphs
        self._inputs: tuple[Tensor, ...] = ()
        self._calls = 0

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """What the function returns of those inputs.

        Raises:
            TrainingError: if it cannot be captured.
        """
        if not self._graphs:
            return self._function(*inputs)
        if not self._inputs:
            self._inputs = tuple(given.clone() for given in inputs)
            self._graph = CudaGraph(inputs[0].device)
        if any(map(_differ, self._inputs, inputs)):
            return self._function(*inputs)
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given, non_blocking=True)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._graph.warm_up(self._function, self._inputs)
        if self._calls == WARM_UP + 1:
            self._capture()
        self._graph.replay()
        return self._outputs

    def _capture(self) -> None:
        """Record the kernels of a call, which are not run; raises TrainingError."""
        try:
            self._outputs = self._graph.capture(self._function, self._inputs)
        except RuntimeError as error:  # torch's generators cannot be used after that
            first = error.__context__ or error
            if ran_out(first):
                raise first from None
            reason = str(first).splitlines()[0]
            raise TrainingError(
                f"cuda_graphs=true: {self._what} cannot be one CUDA graph ({reason}); "
                "cuda_graphs=false goes on"
            ) from error


def _differ(own: Tensor, given: Tensor) -> bool:
    """Whether a graph of the one cannot be of the other."""
    return own.shape != given.shape or own.dtype != given.dtype


class CudaGraph:
    """A function's kernels, captured on the stream on which it warmed up."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._graph, self._stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)

    def warm_up(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the function returns; autograd remembers the stream that it used."""
        others = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(others)
        with torch.cuda.stream(self._stream):
            outputs = function(*inputs)
        others.wait_stream(self._stream)
        return outputs

    def capture(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Where the function's outputs will be; raises RuntimeError if it waits for the device."""
        # other threads, such as those that read ahead, may go on
        mode = "thread_local"
        with torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode=mode):
            return function(*inputs)

    def replay(self) -> None:
        """Compute them."""
        self._graph.replay()


def are_captured(asked: bool, device: torch.device, *parts: object) -> bool:
    """Whether what these parts of a run do on that device is captured, if it is asked for."""
    return asked and device.type == "cuda" and capturable(*parts)


def capturable(*parts: object) -> bool:
    """Whether a graph may repeat what these parts of a run do: ours do, and others that say so.

    One of another package says it in the class itself, `capturable = True`; a network is asked
    module by module, of which torch's own may be repeated.
    """
    return all(
        all(map(_module_is_capturable, part.modules()))
        if isinstance(part, nn.Module)
        else _says_so(type(part), "dqn_experiments")
        for part in parts
    )


def _module_is_capturable(module: nn.Module) -> bool:
    kind = type(module)
    if is_parametrized(module):  # its class is made by torch
        kind = kind.__mro__[1]
    return _says_so(kind, "dqn_experiments", "torch")


def _says_so(kind: type, *known: str) -> bool:
    return kind.__module__.partition(".")[0] in known or bool(vars(kind).get("capturable"))
