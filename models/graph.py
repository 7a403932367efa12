"""Write an ONNX graph node by node, its big tensors straight into the data file beside it."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeAlias

import numpy as np
import onnx
from numpy.typing import DTypeLike, NDArray
from onnx import helper, numpy_helper

from .pack import Precision

__all__ = ["Graph", "Value"]

Value: TypeAlias = str
"""Name of a tensor in a graph: an input, a constant, or what a node gives."""

_OPSET = 20
_IR_VERSION = 10
# Smaller tensors stay in model.onnx. Bigger ones begin at a page of the data file, so that ONNX
# Runtime can map them instead of reading them: that is what makes a one-shot query cheap.
_INLINE_BYTES = 1024
_PAGE = 4096


class Graph:
    """An ONNX graph under construction, used as a context: leaving it writes the file.

    Constants are written to ``<path>.data`` as they come, so that a checkpoint is never in memory
    as a whole. If the context is left with an error, neither file remains.

    Parameters
    ----------
    path
        The ONNX file to write, in a folder that exists.
    precision
        Precision of the big matrices. Layers ask for it; see `sightline_models.layers`.

    Examples
    --------
    >>> with Graph(Path("double.onnx")) as graph:  # doctest: +SKIP
    ...     x = graph.input("x", np.float32, ["batch", 3])
    ...     graph.output("y", graph.add("Add", x, x), np.float32, ["batch", 3])
    """

    def __init__(self, path: Path, precision: Precision = "fp32") -> None:
        self.path = path
        self.precision = precision
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._names: set[str] = set()
        self._known: dict[tuple[str, tuple[int, ...], bytes], Value] = {}
        self._data: BinaryIO | None = None

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Type of the numbers between the layers: float16 in an fp16 graph, else float32."""
        return np.dtype(np.float16 if self.precision == "fp16" else np.float32)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._data:
            self._data.close()
        if kind is None:
            self._write()
        else:
            self.path.unlink(missing_ok=True)
            self._data_path.unlink(missing_ok=True)

    def input(self, name: str, dtype: DTypeLike, shape: Sequence[int | str]) -> Value:
        """Declare an input; a dimension given as a word is dynamic."""
        self._inputs.append(_described(name, dtype, shape))
        return self._unused(name)

    def output(self, name: str, value: Value, dtype: DTypeLike, shape: Sequence[int | str]) -> None:
        """Declare that `value`, which a node gives, leaves the graph under the name `name`."""
        for node in self._nodes:
            for names in (node.input, node.output):
                for place, known in enumerate(names):
                    if known == value:
                        names[place] = name
        self._outputs.append(_described(name, dtype, shape))

    def add(self, operator: str, *inputs: Value, domain: str = "", **attributes: Any) -> Value:
        """Add a node with one output and return it.

        Parameters
        ----------
        operator, domain
            An operator of ONNX (opset 20), or of another domain such as ``com.microsoft``.
        inputs
            Values in the operator's order; an optional one that is left out is ``""``.
        attributes
            As the operator's documentation names them.
        """
        return self.add_many(operator, *inputs, outputs=1, domain=domain, **attributes)[0]

    def add_many(
        self, operator: str, *inputs: Value, outputs: int, domain: str = "", **attributes: Any
    ) -> tuple[Value, ...]:
        """Add a node with several outputs and return them in order."""
        stem = f"{operator.lower()}_{len(self._nodes)}"
        values = tuple(
            self._unused(stem if outputs == 1 else f"{stem}_{place}") for place in range(outputs)
        )
        self._nodes.append(
            helper.make_node(operator, inputs, values, name=stem, domain=domain, **attributes)
        )
        return values

    def constant(self, array: NDArray[Any], name: str = "constant") -> Value:
        """Add a tensor as it is, whatever the graph's precision.

        A small tensor that is there already is not added again. `name` is for those who read the
        graph; it gets a number if it is taken.
        """
        small = array.nbytes < _INLINE_BYTES
        key = (array.dtype.str, array.shape, array.tobytes() if small else b"")
        if small and key in self._known:
            return self._known[key]
        value = self._unused(name)
        if small:
            self._known[key] = value
            tensor = numpy_helper.from_array(np.asarray(array, order="C"), value)
        else:
            tensor = self._external(array, value)
        self._tensors.append(tensor)
        return value

    def weight(self, array: NDArray[Any], name: str = "weight") -> Value:
        """Add a floating-point tensor in the graph's `dtype`."""
        return self.constant(array.astype(self.dtype, copy=False), name)

    def integers(self, values: Iterable[int]) -> Value:
        """Add a list of int64, as shapes, axes and slices are given."""
        return self.constant(np.array(list(values), np.int64), "integers")

    @property
    def _data_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.data")

    def _unused(self, name: str) -> str:
        unused, number = name, 1
        while unused in self._names:
            number += 1
            unused = f"{name}_{number}"
        self._names.add(unused)
        return unused

    def _external(self, array: NDArray[Any], name: str) -> onnx.TensorProto:
        if self._data is None:
            self._data = self._data_path.open("wb")
        offset = math.ceil(self._data.tell() / _PAGE) * _PAGE
        self._data.seek(offset)
        self._data.write(np.asarray(array, order="C").data)
        tensor = onnx.TensorProto(
            name=name,
            dims=array.shape,
            data_type=helper.np_dtype_to_tensor_dtype(array.dtype),
            data_location=onnx.TensorProto.EXTERNAL,
        )
        place = {"location": self._data_path.name, "offset": offset, "length": array.nbytes}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def _write(self) -> None:
        graph = helper.make_graph(
            self._nodes, self.path.stem, self._inputs, self._outputs, self._tensors
        )
        domains = {"": _OPSET} | {node.domain: 1 for node in self._nodes if node.domain}
        model = helper.make_model(
            graph,
            ir_version=_IR_VERSION,
            opset_imports=[helper.make_opsetid(*entry) for entry in domains.items()],
            producer_name="sightline",
        )
        self.path.write_bytes(model.SerializeToString())


def _described(name: str, dtype: DTypeLike, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    number = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return helper.make_tensor_value_info(name, number, shape)
