import importlib
import pkgutil

import numba
import numpy as np
import pytest
import sightline_kernels
from sightline_kernels.compile import kernel, readonly
from sightline_kernels.descriptor import describe
from sightline_kernels.foreground import _foreground
from sightline_kernels.texture import _texture


def test_nan_keeps_its_meaning_in_a_kernel():
    @kernel
    def count_nan(values):
        count = 0
        for i in range(values.size):
            count += np.isnan(values[i])
        return count

    assert count_nan(np.array([1, np.nan, np.inf])) == 1


def test_an_array_that_fits_is_not_copied():
    array = np.zeros(3, np.float32)
    view = readonly(array, np.float32)
    assert np.shares_memory(view, array)
    assert not view.flags.writeable
    assert array.flags.writeable


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled with NUMBA_DISABLE_JIT")
def test_every_batch_runs_the_same_compiled_code():
    for count in (0, 1, 2):
        pixels = np.zeros((count, 16, 16, 3), np.uint8)
        describe(pixels)
        pixels.flags.writeable = False
        describe(pixels)
    assert len(_foreground.signatures) == len(_texture.signatures) == 1


def test_no_kernel_calls_into_another_file():
    # Numba's cache would not see an edit there.
    for module in pkgutil.iter_modules(sightline_kernels.__path__):
        names = vars(importlib.import_module(f"sightline_kernels.{module.name}"))
        kernels = [value for value in names.values() if hasattr(value, "py_func")]
        assert all(value.py_func.__module__ == names["__name__"] for value in kernels)
