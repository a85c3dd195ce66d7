"""Many small kernels as one CUDA graph."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

log = logging.getLogger(__name__)

Function = Callable[..., tuple[Tensor, ...]]

WARM_UP = 3
"""Calls before a function is captured, in which libraries choose and prepare their kernels."""


class Captured:
    """Calls a function of tensors; on a GPU as one CUDA graph, after a few calls.

    To launch the kernels of a small network one by one takes several times as long as they do. The
    function must do the same for all tensors of one shape, wait for nothing, and draw from torch's
    global generators alone. What it returns is overwritten by the next call.

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
        """What the function returns of those inputs."""
        if not self._graphs:
            return self._function(*inputs)
        if not self._inputs:
            self._inputs = tuple(given.clone() for given in inputs)
            self._graph = CudaGraph()
        if any(own.shape != given.shape for own, given in zip(self._inputs, inputs, strict=True)):
            return self._function(*inputs)
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given, non_blocking=True)
        self._calls += 1
        if self._calls <= WARM_UP:
            return self._graph.warm_up(self._function, self._inputs)
        if self._calls == WARM_UP + 1 and not self._capture():
            return self._function(*inputs)
        self._graph.replay()
        return self._outputs

    def _capture(self) -> bool:
        """Whether that was possible; it computes nothing."""
        try:
            self._outputs = self._graph.capture(self._function, self._inputs)
        except RuntimeError as error:
            log.info(f"{self._what} goes kernel by kernel, slowly: {str(error).splitlines()[0]}")
            self._graphs = False
        return self._graphs


class CudaGraph:
    """A function's kernels, captured on the stream on which it warmed up."""

    def __init__(self) -> None:
        self._graph, self._stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()

    def warm_up(self, function: Function, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the function returns; autograd remembers the stream that it used."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            outputs = function(*inputs)
        torch.cuda.current_stream().wait_stream(self._stream)
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
