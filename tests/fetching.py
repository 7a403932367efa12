"""URLs fetched by a downloader of their own, and what comes back."""

import asyncio

import pytest
from sightline.images.address import OpenHosts
from sightline.images.fetch import Downloader
from sightline.images.limits import Limits
from sightline.images.outcome import PictureError

LIMITS = Limits(max_bytes=100_000, total_timeout=0.3, retry_delays=(0.0, 0.0))
PATIENT = Limits(max_bytes=100_000, total_timeout=10.0, retry_delays=(0.0, 0.0))


def fetch(url, *, open_hosts=(), limits=PATIENT):
    async def run():
        async with Downloader(limits, OpenHosts(open_hosts)) as downloader:
            return await downloader.fetch(url)

    return asyncio.run(run())


def fetch_in_turn(urls, *, open_hosts, limits=PATIENT):
    """Fetch one after the other; return the bodies, and of what failed the error."""

    async def run():
        async with Downloader(limits, OpenHosts(open_hosts)) as downloader:
            return [await one(downloader, url) for url in urls]

    async def one(downloader, url):
        try:
            return (await downloader.fetch(url)).body
        except PictureError as error:
            return error

    return asyncio.run(run())


def failure(url, **options):
    with pytest.raises(PictureError) as caught:
        fetch(url, **options)
    return caught.value
