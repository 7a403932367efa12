"""Run one ONNX graph on one device: loaded lightly at first, in full once that pays."""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import EncoderError
from .device import Compute, Device, choose_device, import_onnxruntime, providers, thread_count

__all__ = ["GPU_ROWS", "RUNS_BEFORE_FULL", "Feeds", "Input", "Session", "StaticSession", "load"]

Feeds: TypeAlias = Mapping[str, NDArray[Any]]

RUNS_BEFORE_FULL = 5
"""Runs on the lean load before the full one is paid for.

A lean session maps the weights and computes at once; a full one first fuses nodes and lays the
weights out for the matrix product, which the lean one does again in every run. Both take time in
proportion to the weights, whatever the batch: ViT-B/32 on two cores loads in 12 against 480 ms and
then takes some 70 ms more per run, its text tower 16 against 115 ms and some 30 ms more. To rent
until the rent has reached the price never costs more than twice the best choice in hindsight
(Karlin et al., "Competitive snoopy caching", 1988); here that is after 4 to 7 runs.
"""

GPU_ROWS = 64
"""Rows of a batch on a GPU; a single row, such as a query, has a session of its own."""

_CPU = Device("cpu", 0, "")
_CODE = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ")
_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
}


@dataclass(frozen=True, slots=True)
class Input:
    """What a graph declares of one input; a dimension is a number, or a word where it is free."""

    shape: tuple[int | str | None, ...]
    dtype: "np.dtype[Any]"

    def fixed(self, axis: int) -> int | None:
        """Return the size that the graph insists on along `axis`, if it does."""
        size = self.shape[axis] if axis < len(self.shape) else None
        return size if isinstance(size, int) else None


class Session:
    """One ONNX graph on one device, opened when it is first needed; threads may share it.

    On the CPU it starts lean and switches to the full load after `runs_before_full` runs: the
    caller whose run that is waits, others go on meanwhile; with 0 it is never lean. On a GPU, every
    set of input shapes has a `StaticSession`.

    Parameters
    ----------
    file
        The ONNX file.
    output
        Name of the output that `run` returns.
    compute
        The device and threads that are wished for.
    """

    def __init__(
        self,
        file: Path,
        output: str,
        compute: Compute,
        *,
        runs_before_full: int = RUNS_BEFORE_FULL,
    ) -> None:
        self._file = file
        self._output = output
        self._compute = compute
        self._is_lean = runs_before_full > 0
        self._runs_left = runs_before_full
        self._lock = threading.Lock()
        self._opened: tuple[Device, Mapping[str, Input]] | None = None
        self._current: Any = None
        self._static: dict[tuple[tuple[int, ...], ...], StaticSession] = {}

    @property
    def device(self) -> Device:
        """Where it runs. Asking for it opens the graph, and so may raise as `run` does."""
        return self._open()[0]

    def input(self, name: str) -> Input:
        """Return what the graph declares of an input. Asking for it opens the graph.

        Raises
        ------
        EncoderError
            As of `run`, and if there is no such input.
        """
        inputs = self._open()[1]
        if name not in inputs:
            message = (
                f"{self._file} has no input {name!r}, but {', '.join(sorted(inputs))}; its "
                "description does not belong to it"
            )
            raise EncoderError(message)
        return inputs[name]

    @property
    def providers(self) -> list[str]:
        """What ONNX Runtime says it runs on, best first; nothing before the first run on a GPU."""
        self._open()
        with self._lock:
            static = next(iter(self._static.values()), None)
            session = static.session if static else self._current
        return list(session.get_providers()) if session else []

    def batches(self, count: int, most: int, leading: str) -> Iterator[tuple[slice, int]]:
        """Divide `count` rows into runs.

        Parameters
        ----------
        most
            Rows of a run on the CPU; on a GPU they are `GPU_ROWS`.
        leading
            The input whose first dimension is the batch.

        Yields
        ------
        rows
            The part that the run is about.
        size
            Rows that it has to be given: as many, or more where the graph or the device insists.
        """
        fixed = self.input(leading).fixed(0)
        if fixed is None and self.device.kind == "cuda":
            fixed = 1 if count == 1 else GPU_ROWS
        for start in range(0, count, fixed or most):
            stop = min(start + (fixed or most), count)
            yield slice(start, stop), fixed or stop - start

    def run(self, feeds: Feeds) -> NDArray[Any]:
        """Run the graph and return its output as it is.

        Raises
        ------
        EncoderError
            If the file cannot be loaded, the device cannot be had, or the run fails.
        """
        device = self.device
        try:
            if device.kind == "cuda":
                return self._for_shapes(device, feeds).run(feeds)
            return np.asarray(self._for_cpu().run([self._output], dict(feeds))[0])
        except EncoderError:
            raise
        except Exception as error:  # the library's errors have no base of their own
            message = (
                f"{self._file} failed on {device}: {_said(error)}; if memory is short, take a "
                "smaller precision or another device, else pull or build the encoder again"
            )
            raise EncoderError(message) from error

    def _open(self) -> tuple[Device, Mapping[str, Input]]:
        if self._opened is None:
            with self._lock:
                if self._opened is None:
                    device = choose_device(self._compute)
                    lean = self._is_lean or device.kind != "cpu"
                    first = load(self._file, _CPU, thread_count(self._compute), lean=lean)
                    self._current = first if device.kind == "cpu" else None
                    self._opened = device, _inputs(first)
        return self._opened

    def _for_cpu(self) -> Any:  # noqa: ANN401 - ONNX Runtime has no types
        with self._lock:
            self._runs_left -= 1
            buys = self._is_lean and self._runs_left == -1
        if buys:
            self._current = load(self._file, _CPU, thread_count(self._compute))
        return self._current

    def _for_shapes(self, device: Device, feeds: Feeds) -> "StaticSession":
        shapes = tuple(array.shape for array in feeds.values())
        with self._lock:
            if shapes not in self._static:
                self._static[shapes] = StaticSession(
                    self._file, self._output, device, feeds, self._open()[1]
                )
            return self._static[shapes]


class StaticSession:
    """One ONNX graph, compiled for one set of shapes; its inputs stay on the device.

    Parameters
    ----------
    feeds
        An array of the shape and type to come, for every input.
    inputs
        What the graph declares: its free dimensions are fixed to the shapes of `feeds`.
    """

    def __init__(
        self, file: Path, output: str, device: Device, feeds: Feeds, inputs: Mapping[str, Input]
    ) -> None:
        runtime = import_onnxruntime()
        sizes = {
            word: size
            for name, array in feeds.items()
            for word, size in zip(inputs[name].shape, array.shape, strict=False)
            if isinstance(word, str)
        }
        self.session = load(file, device, sizes=sizes)
        if device.kind == "cuda" and "CUDA" not in self.session.get_providers()[0]:
            message = (
                f"{file} was to run on {device}, but ONNX Runtime put it on the CPU; is it full?"
            )
            raise EncoderError(message)
        self._lock = threading.Lock()
        self._values = {
            name: runtime.OrtValue.ortvalue_from_shape_and_type(
                array.shape, array.dtype.type, device.kind, device.index
            )
            for name, array in feeds.items()
        }
        self._binding = self.session.io_binding()
        for name, value in self._values.items():
            self._binding.bind_ortvalue_input(name, value)
        self._binding.bind_output(output, device.kind, device.index)

    def run(self, feeds: Feeds) -> NDArray[Any]:
        """Run the graph on arrays of the shapes it was made for; one thread at a time."""
        with self._lock:
            for name, array in feeds.items():
                self._values[name].update_inplace(np.ascontiguousarray(array))
            self.session.run_with_iobinding(self._binding)
            return np.array(self._binding.get_outputs()[0].numpy())


def load(
    file: Path,
    device: Device,
    threads: int = 0,
    *,
    lean: bool = False,
    sizes: Mapping[str, int] | None = None,
) -> Any:  # noqa: ANN401 - ONNX Runtime has no types
    """Load an ONNX file and return ONNX Runtime's own session.

    Parameters
    ----------
    threads
        Threads on the CPU; 0 leaves the number to ONNX Runtime.
    lean
        Leave the graph and its weights as they are in the file.
    sizes
        Free dimensions to fix, by name.

    Raises
    ------
    EncoderError
        If the file is missing, damaged or unknown to this version.
    """
    runtime = import_onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised, and said in our own words
    options.intra_op_num_threads = threads
    # Between two steps of a graph, and for long after the last one, idle threads would spin to be
    # at hand at once. They spin on cores that decode the next pictures: a fifth of all CPU time of
    # a build with sightline-mini on two cores, where a lone query gains 0.3 ms by it at most.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if lean:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.add_session_config_entry("session.disable_prepacking", "1")
    for name, size in (sizes or {}).items():
        options.add_free_dimension_override_by_name(name, size)
    try:
        return runtime.InferenceSession(
            file, options, providers=providers(device), enable_fallback=0
        )
    except Exception as error:  # the library's errors have no base of their own
        message = (
            f"{file} cannot be loaded on {device}: {_said(error)}; if the file is damaged or cut "
            "short, delete its folder, then pull or build the encoder again"
        )
        raise EncoderError(message) from error


def _inputs(session: Any) -> dict[str, Input]:  # noqa: ANN401
    return {
        node.name: Input(tuple(node.shape), np.dtype(_DTYPES.get(node.type, np.float32)))
        for node in session.get_inputs()
    }


def _said(error: Exception) -> str:
    """Return the sentence of an error of ONNX Runtime, without its code."""
    line = str(error).strip().partition("\n")[0]
    return _CODE.sub("", line)[:300] or type(error).__name__
