"""Batches in the making: blocks of memory whose slots decoders fill and an encoder empties."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ..types import PixelFormat, View

# One is being encoded while another one fills; the third takes what is decoded in between.
_BLOCKS = 3


@dataclass(frozen=True, slots=True)
class Square:
    """What is made of every picture: its part and size, and how its levels are written."""

    view: View
    format: PixelFormat

    @property
    def nbytes(self) -> int:
        """Bytes of one."""
        return int(self.format.empty(1, self.view.side).nbytes)


@dataclass(frozen=True, eq=False, slots=True)
class Block:
    """Room for a batch.

    `arrays` holds one batch per square that was asked for, in that order, each in the format of its
    square; equal squares share one array. The first dimension is `rows`.
    """

    arrays: tuple[NDArray[Any], ...]

    @property
    def rows(self) -> int:
        """Pictures that it holds when it is full."""
        return len(self.arrays[0])


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one picture in a block."""

    block: Block
    row: int

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """One picture per square, to be written into."""
        return tuple(array[self.row] for array in self.block.arrays)


class BlocksClosedError(Exception):
    """Nobody will empty a block any more."""


class Blocks:
    """A few blocks that go round: what is decoded waits here until it is encoded.

    Memory is bounded by them: who wants a slot where all are taken waits until a block is recycled.
    For several threads.

    Parameters
    ----------
    squares
        What a picture becomes, at least one.
    rows
        Pictures of a block.
    count
        How many blocks there are at most; they are allocated when they are first needed.
    """

    def __init__(self, squares: Sequence[Square], *, rows: int, count: int = _BLOCKS) -> None:
        self.squares = tuple(squares)
        self.rows = rows
        self._unmade = count
        self._free: deque[Slot] = deque()
        self._changed = threading.Condition()
        self._is_closed = False

    def take(self) -> Slot:
        """Return a slot that nobody else has; waits for one.

        A taken slot must be written before long: the other pictures of its block wait for it.

        Raises
        ------
        BlocksClosedError
            If they were closed.
        """
        with self._changed:
            while not (self._free or self._unmade or self._is_closed):
                self._changed.wait()
            if self._is_closed:
                raise BlocksClosedError
            if not self._free:
                self._unmade -= 1
                self._add(self._made())
            return self._free.popleft()

    def give_back(self, slot: Slot) -> None:
        """Return a slot that holds no picture after all."""
        with self._changed:
            self._free.appendleft(slot)
            self._changed.notify()

    def recycle(self, block: Block) -> None:
        """Let a block whose pictures are all encoded be filled anew."""
        with self._changed:
            self._add(block)
            self._changed.notify_all()

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _add(self, block: Block) -> None:
        self._free.extend(Slot(block, row) for row in range(block.rows))

    def _made(self) -> Block:
        made = {square: square.format.empty(self.rows, square.view.side) for square in self.squares}
        return Block(tuple(made[square] for square in self.squares))
