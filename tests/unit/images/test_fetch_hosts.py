"""Hosts are judged one by one by what they do: the busy are waited for, the dead given up."""

import asyncio

from fetching import PATIENT, fetch_in_turn
from sightline.images.address import OpenHosts
from sightline.images.fetch import Downloader
from sightline.images.limits import Limits
from sightline.images.outcome import Outcome


def busy_once(site, path, **headers):
    def respond(_):
        if len(site.asked(path)) > 1:
            return site.answer(b"x")
        return site.answer(status=429, **headers)

    return site.serve_with(path, respond)


def test_busy_host_is_not_asked_for_anything_until_its_time_has_come(site):
    urls = [busy_once(site, "/a", retry_after="1"), site.serve("/b", b"y")]

    async def run():
        async with Downloader(PATIENT, OpenHosts([site.host])) as downloader:
            first = asyncio.create_task(downloader.fetch(urls[0]))
            while not site.requests:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            return await asyncio.gather(first, downloader.fetch(urls[1]))

    assert [response.body for response in asyncio.run(run())] == [b"x", b"y"]
    first, *later = site.requests
    assert sorted(request.path for request in later) == ["/a", "/b"]
    assert all(request.time - first.time >= 0.95 for request in later)


def test_host_that_wants_to_be_left_alone_for_an_hour_is_and_others_are_asked(site, other_site):
    urls = [site.serve("/a", status=503, retry_after="3600"), site.serve("/b", b"y")]
    urls.append(other_site.serve("/c", b"z"))
    first, second, third = fetch_in_turn(urls, open_hosts=[site.host, other_site.host])
    assert first.outcome is second.outcome is Outcome.HTTP_ERROR
    assert "HTTP 503" in second.detail
    assert third == b"z"
    assert len(site.requests) == 1


def test_host_that_is_always_busy_is_given_up(site):
    urls = [site.serve(f"/{number}", status=429, retry_after="0") for number in range(40)]
    errors = fetch_in_turn(urls, open_hosts=[site.host])
    assert {error.outcome for error in errors} == {Outcome.HTTP_ERROR}
    assert len(site.requests) == 16 * 3


def test_redirect_target_that_is_dead_is_given_up_and_the_host_before_it_is_not(site, other_site):
    dead = other_site.reset("/dead")
    urls = [site.serve(f"/{n}", status=302, location=dead) for n in range(20)]
    urls.append(site.serve("/good", b"body"))
    limits = Limits(retry_delays=())
    *errors, good = fetch_in_turn(urls, open_hosts=[site.host, other_site.host], limits=limits)
    assert {error.outcome for error in errors} == {Outcome.UNREACHABLE}
    assert "given up" in errors[-1].detail
    assert good == b"body"
    assert len(other_site.requests) == 16


def test_time_is_held_against_the_host_that_took_it(site, other_site):
    hanging = other_site.hang("/hang")
    urls = [site.serve(f"/{n}", status=302, location=hanging) for n in range(17)]
    limits = Limits(total_timeout=0.05, retry_delays=())
    errors = fetch_in_turn(urls, open_hosts=[site.host, other_site.host], limits=limits)
    assert [str(error.outcome) for error in errors] == ["timeout"] * 16 + ["unreachable"]
