"""What an ONNX file reads and gives: names, types and shapes, without its weights."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from .errors import PackError
from .pack import Precision

__all__ = ["Port", "Signature", "read_signature"]

_QUANTIZED_OPS = {
    "DynamicQuantizeLinear",
    "DynamicQuantizeMatMul",
    "MatMulInteger",
    "QLinearMatMul",
}


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a graph."""

    name: str
    dtype: str
    """As NumPy calls it: float32, int64."""
    shape: tuple[int | None, ...]
    """None stands for an axis of any length."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A graph seen from outside."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    data_files: tuple[str, ...]
    """Files that its weights lie in, relative to the folder of the graph."""
    precision: Precision
    """What its weights are stored in."""


def read_signature(path: Path) -> Signature:
    """Read the signature of an ONNX file.

    Raises
    ------
    PackError
        If the file is missing or damaged.
    """
    try:
        graph = onnx.load(path, load_external_data=False).graph
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        raise PackError(message) from error
    except Exception as error:  # protobuf raises errors of its own kind
        message = f"{path} is damaged or no ONNX file ({error}): download or build it again"
        raise PackError(message) from error
    if not graph.output:
        message = f"{path} is no ONNX file, or an empty one: download or build it again"
        raise PackError(message)
    weights = {tensor.name for tensor in graph.initializer}
    outside = {
        ExternalDataInfo(tensor).location: None
        for tensor in graph.initializer
        if uses_external_data(tensor)
    }
    return Signature(
        # Old exporters list the weights among the inputs too.
        inputs=tuple(_port(value) for value in graph.input if value.name not in weights),
        outputs=tuple(_port(value) for value in graph.output),
        data_files=tuple(outside),
        precision=_precision(graph),
    )


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    shape = tuple(axis.dim_value or None for axis in tensor.shape.dim)
    return Port(value.name, _dtype_name(tensor.elem_type), shape)


def _dtype_name(kind: int) -> str:
    try:
        return str(onnx.helper.tensor_dtype_to_np_dtype(kind))
    except (KeyError, TypeError, ValueError):
        return f"ONNX type {kind}"


def _precision(graph: Any) -> Precision:  # noqa: ANN401 - protobuf's generated class
    if any(node.op_type in _QUANTIZED_OPS for node in graph.node):
        return "int8"
    kinds = _sizes(graph.initializer)
    half, single = (
        kinds.get(kind, 0) for kind in (onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT)
    )
    return "fp16" if half > single else "fp32"


def _sizes(tensors: Iterable[onnx.TensorProto]) -> dict[int, int]:
    """Count the numbers of each type."""
    sizes: dict[int, int] = {}
    for tensor in tensors:
        count = 1
        for length in tensor.dims:
            count *= length
        sizes[tensor.data_type] = sizes.get(tensor.data_type, 0) + count
    return sizes
