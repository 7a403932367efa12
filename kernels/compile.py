"""How every kernel is compiled, and how arrays are handed to it."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import DTypeLike, NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

# Everything LLVM may relax but "there are no NaN and no infinities": both keep their meaning.
SAFE_FASTMATH = {"nsz", "arcp", "contract", "afn", "reassoc"}


def kernel(function: Function) -> Function:
    """Compile a loop on its first call, release the GIL in it, keep the machine code on disk.

    Numba's disk cache watches the file of the outermost function only, so a kernel calls nothing
    from another file: an edit there would leave stale code behind. None is `parallel`: it triples
    the compile time, and Numba's default thread layer aborts the process when two threads enter.
    """
    return cast("Function", njit(cache=True, nogil=True, fastmath=SAFE_FASTMATH)(function))


def readonly(array: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return a contiguous read-only view of `array` (a copy only where it must convert).

    Numba compiles once per argument type and a read-only array is a type of its own, so giving
    every input this one form keeps memory maps from costing a second compilation.
    """
    view = np.ascontiguousarray(array, dtype=dtype).view(np.ndarray)
    view.flags.writeable = False
    return view
