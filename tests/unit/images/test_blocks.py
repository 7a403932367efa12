"""Slots of a batch go to one decoder each, and come back only when the batch is encoded."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sightline.images.blocks import Blocks, BlocksClosedError, Square
from sightline.types import PixelFormat, View

CLIP = PixelFormat("nchw", "float32", (0.5, 0.4, 0.3), (0.2, 0.2, 0.1))


def blocks(*squares, rows=2, count=2):
    return Blocks(squares or [Square(View(4), PixelFormat())], rows=rows, count=count)


def test_every_square_has_a_batch_in_its_own_format():
    square, floats = Square(View(4), PixelFormat()), Square(View(6, "crop"), CLIP)
    block = blocks(square, floats, rows=3).take().block
    assert [array.shape for array in block.arrays] == [(3, 4, 4, 3), (3, 3, 6, 6)]
    assert [array.dtype for array in block.arrays] == [np.uint8, np.float32]
    assert floats.nbytes == 3 * 6 * 6 * 4


def test_equal_squares_share_their_memory():
    square = Square(View(4), PixelFormat())
    block = blocks(square, Square(View(4), PixelFormat())).take().block
    assert block.arrays[0] is block.arrays[1]


def test_a_slot_is_a_view_of_its_row():
    slot = blocks().take()
    slot.arrays[0][:] = 7
    assert (slot.block.arrays[0][slot.row] == 7).all()


def test_no_slot_is_given_out_twice():
    pool = blocks(rows=8, count=4)
    with ThreadPoolExecutor(4) as threads:
        slots = list(threads.map(lambda _: pool.take(), range(32)))
    assert len({(id(slot.block), slot.row) for slot in slots}) == 32
    assert len({id(slot.block) for slot in slots}) == 4


def test_a_slot_that_was_given_back_goes_to_the_next_one():
    pool = blocks(rows=1, count=1)
    slot = pool.take()
    pool.give_back(slot)
    assert pool.take() is slot


def test_who_finds_all_slots_taken_waits_for_a_recycled_block():
    pool = blocks(rows=2, count=1)
    first, _ = pool.take(), pool.take()
    got = []
    thread = threading.Thread(target=lambda: got.append(pool.take()))
    thread.start()
    thread.join(0.05)
    assert not got
    pool.recycle(first.block)
    thread.join(5)
    assert got[0].block is first.block


def test_closing_wakes_whoever_waits():
    pool = blocks(rows=1, count=1)
    pool.take()
    ended = []

    def want():
        with pytest.raises(BlocksClosedError):
            pool.take()
        ended.append(True)

    thread = threading.Thread(target=want)
    thread.start()
    thread.join(0.05)
    pool.close()
    thread.join(5)
    assert ended == [True]
