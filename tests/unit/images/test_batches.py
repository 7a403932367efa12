"""What comes in one turn of the event loop is done in one call, and each has its own result."""

import asyncio

import pytest
from sightline.images.batches import Batches


def test_jobs_of_one_turn_are_one_call_and_each_has_its_result():
    calls = []

    def double(jobs):
        calls.append(list(jobs))
        return [2 * job for job in jobs]

    async def run():
        batches = Batches(double)
        first = await asyncio.gather(*(batches.do(number) for number in range(5)))
        return first, await batches.do(7)

    assert asyncio.run(run()) == ([0, 2, 4, 6, 8], 14)
    assert calls == [[0, 1, 2, 3, 4], [7]]


def test_failure_is_that_of_every_job_of_the_call_and_of_no_later_one():
    def refuse_odd(jobs):
        if any(job % 2 for job in jobs):
            raise LookupError
        return jobs

    async def run():
        batches = Batches(refuse_odd)
        both = await asyncio.gather(batches.do(2), batches.do(3), return_exceptions=True)
        return both, await batches.do(4)

    both, later = asyncio.run(run())
    assert [type(one) for one in both] == [LookupError, LookupError]
    assert later == 4


def test_job_whose_coroutine_was_cancelled_does_not_disturb_the_others():
    async def run():
        batches = Batches(list)
        waiting = [asyncio.ensure_future(batches.do(number)) for number in range(3)]
        waiting[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        return await waiting[0], await waiting[2]

    assert asyncio.run(run()) == (0, 2)
