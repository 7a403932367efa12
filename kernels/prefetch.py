"""A hint to the processor: this row of an array will be read soon.

Rows at scattered places are each waited for, about 100 ns, unless they are asked for ahead. LLVM's
``llvm.prefetch`` asks and goes on; it changes no result, and where the row does not exist, nothing
happens. This file holds no loop, so that Numba's disk cache has nothing of it to keep.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

__all__ = ["prefetch"]

_tools = cast("Any", cgutils)  # has no types
_LINE, _LINES = 64, 8
_READ, _KEEP, _DATA = 0, 3, 1  # for reading, into all caches, not instructions


def _prefetch(typing_context: Any, array: Any, row: Any) -> Any:  # noqa: ANN401
    """Ask for the first 512 bytes of a row."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401
        held = context.make_array(signature.args[0])(context, builder, arguments[0])
        stride = builder.extract_value(held.strides, 0)
        place = context.cast(builder, arguments[1], signature.args[1], types.intp)
        bytes_at = builder.bitcast(held.data, cgutils.voidptr_t)
        start = builder.gep(bytes_at, [builder.mul(place, stride)])
        flag = ir.IntType(32)
        ask = _tools.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        for line in range(_LINES):
            address = builder.gep(start, [ir.Constant(ir.IntType(64), line * _LINE)])
            builder.call(ask, [address, flag(_READ), flag(_KEEP), flag(_DATA)])
        return context.get_dummy_value()

    return types.void(array, row), generate


def _nothing(array: NDArray[np.generic], row: int) -> None:
    """Stand in for the hint where Numba was told not to compile."""


_settings = cast("Any", config)  # Numba's settings are made while it is imported
prefetch = cast(
    "Callable[[NDArray[Any], int], None]",
    _nothing if _settings.DISABLE_JIT else intrinsic(_prefetch),
)
