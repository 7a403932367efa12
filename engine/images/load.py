"""Cells of an image column into pictures: fetched, read and decoded side by side."""

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .address import OpenHosts
from .background import Emit, iterate_in_background, run_all
from .blocks import Blocks
from .cache import ImageCache
from .cell import Cell, url_host
from .decode import Decoder
from .limits import Limits
from .native import NativeDecoder
from .outcome import Outcome
from .picture import Picture
from .reader import CellReader
from .schedule import FairQueue
from .throughput import Throughput

if TYPE_CHECKING:
    from .download import CachedDownloads

THREADS = os.cpu_count() or 1
"""Threads that read, decode and preprocess."""

_DEFAULT_LIMITS = Limits()
# Pictures that are done with but unread; those with pixels are bounded by the blocks.
_UNREAD_PICTURES = 64


def load_pictures(
    cells: Sequence[Cell | None],
    *,
    cache: ImageCache,
    base_dir: Path,
    blocks: Blocks,
    have: Callable[[str], bool],
    throughput: Throughput,
    limits: Limits = _DEFAULT_LIMITS,
    allow_hosts: Collection[str] = (),
) -> Iterator[Picture]:
    """Yield one `Picture` per cell, in the order in which they are done.

    Fetching and decoding go on in the background while the caller works on what it has got, as far
    ahead as there is room in `blocks`: the caller recycles each block whose pictures it is done
    with, and when the iterator ends, some are partly filled. Equal cells are fetched once, equal
    contents decoded once: one of their pictures has the slot, the others None and the same content
    hash. Closing the iterator early stops everything.

    Parameters
    ----------
    cells
        Paths, URLs (http, s3, gs, az), encoded bytes; None and empty ones are missing pictures.
    cache
        Where downloads are kept and unchanged files recognised.
    base_dir
        What relative paths are relative to.
    blocks
        What squares to make of a picture, and where to write them; closed at the end.
    have
        Whether what is derived from the content of this sha256 (hex) is known already, so that
        its pixels are not needed. Called from several threads.
    throughput
        Is told what every stage takes.
    limits
        Caps on what one picture may cost.
    allow_hosts
        Hosts that may be at addresses that are not public: names or IP literals, each with or
        without a port.

    Raises
    ------
    StorageError
        If the cache cannot be read or written. No picture raises: each has its outcome.
    """
    positions: defaultdict[Cell, list[int]] = defaultdict(list)
    for index, cell in enumerate(cells):
        key = cell.strip() if isinstance(cell, str) else cell
        if key:
            positions[key].append(index)
        else:
            yield Picture(index, Outcome.MISSING)
    if not positions:
        return
    native = NativeDecoder(blocks.squares, max_pixels=limits.max_pixels, throughput=throughput)
    work = _Work(
        positions,
        decoder=Decoder(native, blocks, have=have),
        blocks=blocks,
        throughput=throughput,
        cache=cache,
        base_dir=base_dir.absolute(),
        limits=limits,
        open_hosts=OpenHosts(allow_hosts),
    )
    pictures = iterate_in_background(work.run, capacity=_UNREAD_PICTURES)
    with contextlib.closing(pictures):
        for cell, picture in pictures:
            yield picture
            for index in positions[cell][1:]:
                yield replace(picture, index=index, slot=None)


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done in the background: distinct cells, with their positions, to pictures."""

    positions: Mapping[Cell, Sequence[int]]
    decoder: Decoder
    blocks: Blocks
    throughput: Throughput
    cache: ImageCache
    base_dir: Path
    limits: Limits
    open_hosts: OpenHosts

    async def run(self, emit: Emit[tuple[Cell, Picture]]) -> None:
        """Emit each distinct cell with the picture for its first position."""
        hosts = {cell: url_host(cell) for cell in self.positions}
        jobs = FairQueue(
            ((hosts[cell], (indices[0], cell)) for cell, indices in self.positions.items()),
            per_host=self.limits.per_host,
        )
        distinct_hosts = {host for host in hosts.values() if host is not None}
        needs_network = bool(distinct_hosts)
        at_once = min(self.limits.concurrency, self.limits.per_host * len(distinct_hosts))
        self.throughput.with_network(max(1, at_once))
        async with contextlib.AsyncExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(THREADS, "sightline-decode"))
            stack.callback(self.blocks.close)  # before the threads are waited for
            downloads = await stack.enter_async_context(self._network()) if needs_network else None
            reader = CellReader(
                self.decoder,
                self.cache,
                downloads,
                threads,
                self.throughput,
                base_dir=self.base_dir,
                max_bytes=self.limits.max_bytes,
            )
            await run_all(_take_turns(jobs, reader, emit) for _ in range(self.limits.concurrency))

    @contextlib.asynccontextmanager
    async def _network(self) -> AsyncIterator["CachedDownloads"]:
        # Imported for URLs only: an index of local files does not wait for an HTTP client.
        from .download import CachedDownloads
        from .remote import Remote

        # Host names are looked up in the loop's threads: one each, so that none waits for another.
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self.limits.concurrency, "sightline-network"))
        async with Remote(self.limits, self.open_hosts) as remote:
            yield CachedDownloads(self.cache, remote)


async def _take_turns(
    jobs: FairQueue[tuple[int, Cell]], reader: CellReader, emit: Emit[tuple[Cell, Picture]]
) -> None:
    while (turn := jobs.take()) is not None:
        host, (index, cell) = turn
        picture = await reader.read(index, cell)
        jobs.done(host)
        await emit((cell, picture))
