"""Every row of a graph brought within reach of the rows that walks begin from."""

import numpy as np
from numpy.typing import NDArray

from .compile import kernel, readonly

__all__ = ["reach"]


def reach(
    neighbours: NDArray[np.int32], entries: NDArray[np.int32], held: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """See to it that every row can be reached.

    A row that is not gets a link from one that it leads to, where that has room. Where none has,
    the row has to be an entry itself.

    Parameters
    ----------
    neighbours
        Shape (n, m), int32, padded with -1 at the end; links are added.
    entries
        Where walks begin.
    held
        Which rows are in the graph, shape (n,).

    Returns
    -------
    more
        Further entries, int32, ascending.
    """
    return _reach(neighbours, readonly(entries, np.int32), readonly(held, np.bool_))


@kernel
def _reach(
    neighbours: NDArray[np.int32], entries: NDArray[np.int32], held: NDArray[np.bool_]
) -> NDArray[np.int32]:
    reached = np.zeros(held.size, np.bool_)
    waiting = np.empty(held.size, np.int32)
    for row in entries:
        _spread(neighbours, row, reached, waiting)
    more, n_more = np.empty(held.size, np.int32), 0
    for row in range(held.size):
        if not held[row] or reached[row]:
            continue
        if not _is_let_in(neighbours, row, reached):
            more[n_more] = row
            n_more += 1
        _spread(neighbours, row, reached, waiting)
    return more[:n_more].copy()


@kernel
def _is_let_in(neighbours: NDArray[np.int32], row: int, reached: NDArray[np.bool_]) -> bool:
    """Link one of those that a row leads to back to it, where one is reached and has room."""
    for other in neighbours[row]:
        if other < 0:
            break
        if not reached[other]:
            continue
        for place in range(neighbours.shape[1]):
            if neighbours[other, place] < 0:
                neighbours[other, place] = row
                return True
    return False


@kernel
def _spread(
    neighbours: NDArray[np.int32],
    row: int,
    reached: NDArray[np.bool_],
    waiting: NDArray[np.int32],
) -> None:
    """Mark all rows that can be reached from one."""
    if reached[row]:
        return
    reached[row] = True
    waiting[0], n_waiting = row, 1
    while n_waiting > 0:
        n_waiting -= 1
        for other in neighbours[waiting[n_waiting]]:
            if other < 0:
                break
            if not reached[other]:
                reached[other] = True
                waiting[n_waiting] = other
                n_waiting += 1
