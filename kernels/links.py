"""What a walk through a graph reads, put together once: the graph, and the vectors it is of."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compile import readonly
from .scan import ByteVectors


class Links(NamedTuple):
    """A graph, and what it was built from."""

    neighbours: NDArray[np.int32]
    """Shape (n, m): the rows that each row leads to, padded with -1 at the end."""
    entries: NDArray[np.int32]
    """Shape (e,): rows where a walk may begin."""
    entry_codes: NDArray[np.int8]
    """Shape (e, d): theirs, side by side, because all of them are read each time."""
    codes: NDArray[np.int8]
    scales: NDArray[np.float32]
    errors: NDArray[np.float32]
    """As in `scan.ByteVectors`."""


def linked(
    neighbours: NDArray[np.int32],
    entries: NDArray[np.int32],
    rounded: ByteVectors,
) -> Links:
    """Put a graph and its vectors together, without copying what is contiguous."""
    return Links(
        readonly(neighbours, np.int32),
        readonly(entries, np.int32),
        readonly(rounded.codes[entries], np.int8),
        readonly(rounded.codes, np.int8),
        readonly(rounded.scales, np.float32),
        readonly(rounded.errors, np.float32),
    )
