"""How much of a bare download loop's speed is left once it is polite, checked, hashed and cached.

Both sides fetch the same number of pictures of 20 kB from the same server on loopback with the same
number of requests under way, all to one host. The bare loop is aiohttp with keep-alive and nothing
else: it drops what it gets. Ours is `CachedDownloads.get`: look-up, checks of address and size,
sha256, body on disk, index. They take turns, in rounds; the figures are medians over the rounds.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp
from harness import Figures, main
from pipeline_server import serving
from sightline.images.address import OpenHosts
from sightline.images.cache import ImageCache
from sightline.images.download import CachedDownloads
from sightline.images.fetch import Downloader
from sightline.images.limits import Limits

BODY_BYTES = 20_000
PICTURES = 4_000
UNDER_WAY = 32
ROUNDS = 9


async def _fetch_all(urls: Iterator[str], fetch: Callable[[str], Awaitable[None]]) -> None:
    async def take_turns() -> None:
        for url in urls:
            await fetch(url)

    async with asyncio.TaskGroup() as workers:
        for _ in range(UNDER_WAY):
            workers.create_task(take_turns())


async def _bare(urls: list[str]) -> float:
    connector = aiohttp.TCPConnector(limit=UNDER_WAY)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def fetch(url: str) -> None:
            async with session.get(url) as answer:
                await answer.read()

        started = perf_counter()
        await _fetch_all(iter(urls), fetch)
        return perf_counter() - started


async def _ours(urls: list[str], folder: Path, host: str) -> float:
    limits = Limits(concurrency=UNDER_WAY, per_host=UNDER_WAY)
    with ImageCache(folder) as cache:
        async with Downloader(limits, OpenHosts([host])) as downloader:
            downloads = CachedDownloads(cache, downloader)

            async def fetch(url: str) -> None:
                await downloads.get(url)

            started = perf_counter()
            await _fetch_all(iter(urls), fetch)
            # With all that is left to be written to the index.
            await asyncio.to_thread(cache.flush)
            return perf_counter() - started


def _in_new_folder(urls: list[str], host: str) -> float:
    # Removed at once: what a virtual machine has never used of its memory is slow to write to.
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_ours(urls, Path(folder), host))


def fetch_figures() -> dict[str, float | int]:
    """Time both in alternating order, after a round that does not count.

    Returns `fetch_vs_bare_loop`, the median over the rounds of ours / bare in pictures a second,
    and the rates themselves, `fetch_per_s` and `bare_loop_per_s`.
    """
    bare: list[float] = []
    ours: list[float] = []
    with serving(BODY_BYTES) as host:
        for number in range(ROUNDS + 1):
            urls = [f"http://{host}/{number}/{number}-{picture}" for picture in range(PICTURES)]
            for is_ours in (True, False) if number % 2 else (False, True):
                if is_ours:
                    ours.append(_in_new_folder(urls, host))
                else:
                    bare.append(asyncio.run(_bare(urls)))
    ratios = [one / other for one, other in zip(bare[1:], ours[1:], strict=True)]
    return {
        "fetch_vs_bare_loop": round(median(ratios), 3),
        "fetch_per_s": round(PICTURES / median(ours[1:])),
        "bare_loop_per_s": round(PICTURES / median(bare[1:])),
        "body_bytes": BODY_BYTES,
        "under_way": UNDER_WAY,
    }


def measure() -> Figures:
    """Return the figures of the fetcher alone."""
    return fetch_figures()


if __name__ == "__main__":
    main("pipeline-fetch", measure, question="How much of a bare download loop's speed is left?")
