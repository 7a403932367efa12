"""How every kernel is compiled, and how arrays are handed to it."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import binding
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


def cache_folder() -> str | None:
    """Return the folder that machine code is kept in; None where Numba was told not to compile.

    Raises
    ------
    RuntimeError
        If Numba found no folder that it may write to; then no kernel can be had either.
    """
    compiled: Any = njit(cache=True)(_nothing)
    if compiled is _nothing:
        return None
    folder: str = compiled.stats.cache_path
    return folder


def _nothing() -> None:
    """Stand for any kernel of this package; never compiled."""


def cpu_features() -> frozenset[str]:
    """Return what this processor can do, in LLVM's words: ``avx2``, ``avx512vnni``, ``dotprod``."""
    return frozenset(name for name, has in binding.get_host_cpu_features().items() if has)
