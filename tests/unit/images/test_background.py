"""A producer in the background: in order, bounded, and never left running."""

import asyncio
import threading

import pytest
from sightline.images.background import iterate_in_background, run_all


def numbers(count):
    async def produce(emit):
        for number in range(count):
            await emit(number)

    return produce


def test_items_arrive_in_order():
    assert list(iterate_in_background(numbers(100), capacity=3)) == list(range(100))


def test_failure_arrives_after_what_came_before_it():
    async def produce(emit):
        await emit(1)
        raise KeyError

    items = iterate_in_background(produce, capacity=3)
    assert next(items) == 1
    with pytest.raises(KeyError):
        next(items)


def test_closing_cancels_the_producer_and_waits_for_it():
    ended = threading.Event()

    async def produce(emit):
        await emit(1)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    items = iterate_in_background(produce, capacity=3)
    next(items)
    items.close()
    assert ended.is_set()


def test_producer_waits_for_its_reader():
    emitted = []

    async def produce(emit):
        for number in range(1000):
            await emit(number)
            emitted.append(number)

    for read, _ in enumerate(iterate_in_background(produce, capacity=3), start=1):
        assert len(emitted) <= read + 3


def test_first_failure_cancels_the_rest_and_is_raised_bare():
    cancelled = []

    async def wait():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def fail():
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(run_all([wait(), fail(), wait()]))
    assert cancelled == [True, True]
