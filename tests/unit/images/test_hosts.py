"""A host that is busy or dead is left alone, for as long as is reasonable."""

import asyncio
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.images.hosts import Hosts, jittered, retry_after_seconds
from sightline.images.limits import Limits
from sightline.images.outcome import Outcome, PictureError

NOW = 1_700_000_000.0
HOST, OTHER = ("images.example", 80), ("images.example", 8080)


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 400, float("inf")),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("Tue, 14 Nov 2023 22:14:50 -0000", 90.0),
        ("Tuesday, 14-Nov-23 22:14:50 GMT", 90.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("\u0661\u0662", None),
        ("Wed, 21 Oct 99999 07:28:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(field, seconds):
    assert retry_after_seconds(field, now=NOW) == seconds


@given(st.text(max_size=60))
def test_whatever_is_in_retry_after_it_is_no_failure(field):
    seconds = retry_after_seconds(field, now=NOW)
    assert seconds is None or seconds >= 0


def test_jitter_is_anything_up_to_the_longest_wait():
    waits = [jittered(2.0) for _ in range(1_000)]
    assert min(waits) < 0.2
    assert 1.8 < max(waits) <= 2.0


def in_loop(function, **limits):
    async def run():
        return await function(Hosts(Limits(**limits)), asyncio.get_running_loop())

    return asyncio.run(run())


def waited(hosts, host, loop):
    async def run():
        started = loop.time()
        await hosts.ready(host)
        return loop.time() - started

    return run()


def test_busy_host_is_left_alone_for_as_long_as_it_says_and_no_other_is():
    async def check(hosts, loop):
        error = hosts.busy(HOST, 429, asked_at=loop.time(), retry_after=0.2)
        assert (error.outcome, error.detail, error.transient) == (
            Outcome.HTTP_ERROR,
            "HTTP 429",
            True,
        )
        other, first, second = await asyncio.gather(
            waited(hosts, OTHER, loop), waited(hosts, HOST, loop), waited(hosts, HOST, loop)
        )
        assert other < 0.1
        assert 0.19 < first < 0.5
        assert 0.19 < second < 0.5

    in_loop(check)


def test_wish_that_grows_while_it_is_waited_for_is_heard():
    async def check(hosts, loop):
        hosts.busy(HOST, 429, asked_at=loop.time(), retry_after=0.1)
        waiting = asyncio.create_task(waited(hosts, HOST, loop))
        await asyncio.sleep(0.05)
        hosts.busy(HOST, 429, asked_at=loop.time() - 0.05, retry_after=0.2)
        assert await waiting > 0.2

    in_loop(check)


def test_without_retry_after_the_wait_grows_with_each_time():
    async def pauses(hosts, loop):
        found = []
        for _ in range(4):
            before = hosts._records[HOST].paused_seconds
            await asyncio.sleep(0.002)
            hosts.busy(HOST, 503, asked_at=loop.time(), retry_after=None)
            found.append(hosts._records[HOST].paused_seconds - before)
        return found

    ceilings = (0.001, 10.0, 100.0)
    most = [0.0] * 4
    for _ in range(100):
        found = in_loop(pauses, retry_delays=ceilings, max_retry_after=1e9, max_host_pause=1e9)
        most = [max(pair) for pair in zip(most, found, strict=True)]
    assert most[0] <= 0.001
    assert 5.0 < most[1] <= 10.0
    assert 50.0 < most[2] <= 100.0


def test_answers_to_what_was_asked_before_the_first_are_one_wish():
    async def check(hosts, loop):
        asked_at = loop.time()
        await asyncio.sleep(0.001)
        for _ in range(8):
            hosts.busy(HOST, 503, asked_at=asked_at, retry_after=None)
        assert hosts._records[HOST].busy_in_a_row == 1

    in_loop(check)


def test_host_that_asks_for_more_than_a_run_can_wait_is_given_up():
    async def check(hosts, loop):
        error = hosts.busy(HOST, 429, asked_at=loop.time(), retry_after=3600.0)
        assert not error.transient
        with pytest.raises(PictureError, match="left alone") as failure:
            await hosts.ready(HOST)
        assert failure.value.outcome is Outcome.HTTP_ERROR
        await hosts.ready(OTHER)

    in_loop(check)


def test_all_pauses_of_a_host_together_are_bounded():
    async def count(hosts, loop):
        times = 0
        while hosts.busy(HOST, 429, asked_at=loop.time(), retry_after=0.05).transient:
            await hosts.ready(HOST)
            times += 1
        return times

    assert in_loop(count, max_host_pause=0.22) == 4


def test_host_is_given_up_after_many_failures_in_a_row_and_not_before():
    async def check(hosts, loop):
        for _ in range(15):
            hosts.failed(HOST)
        hosts.answered(HOST)
        for _ in range(15):
            hosts.failed(HOST)
        await hosts.ready(HOST)
        hosts.failed(HOST)
        with pytest.raises(PictureError, match="given up after 16 failures") as failure:
            await hosts.ready(HOST)
        assert failure.value.outcome is Outcome.UNREACHABLE

    in_loop(check)
