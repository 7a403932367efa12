"""The one picture that someone asks with into pixels, or an error that says what to do."""

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..errors import UnreadableImageError
from ..types import View
from .address import OpenHosts
from .cell import is_url, shown
from .codec import Decoded, decode
from .files import check_size, file_facts, read_file
from .limits import Limits
from .outcome import Outcome, PictureError

# A person waits for the answer: no second attempts.
_QUERY_LIMITS = Limits(retry_delays=())
_REMEDIES = {
    Outcome.NOT_FOUND: "check the path or URL",
    Outcome.REFUSED: "pass a file, a public URL without credentials, or open your own host "
    "(allow_hosts)",
    Outcome.TIMEOUT: "try again later, or download it and pass the file",
    Outcome.UNREACHABLE: "check the host and the network, or pass a file",
    Outcome.UNREADABLE: "pass a regular file that this user may read",
    Outcome.TOO_LARGE: "pass a smaller copy",
    Outcome.TOO_MANY_PIXELS: "pass a smaller copy",
}
_ANY_REMEDY = "pass a whole JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF picture"


def read_query_image(
    source: str | bytes | Path,
    *,
    view: View,
    limits: Limits = _QUERY_LIMITS,
    allow_hosts: Collection[str] = (),
) -> Decoded:
    """Read the picture of a query.

    Parameters
    ----------
    source
        A path (relative to the working directory), a URL (http, s3, gs, az), or encoded bytes.
    view
        How it is brought to a square; the result holds this one.
    limits
        Caps on what it may cost.
    allow_hosts
        Hosts that may be at addresses that are not public.

    Raises
    ------
    UnreadableImageError
        If it cannot be had or decoded.
    """
    try:
        data = _read(source, limits, OpenHosts(allow_hosts))
        return decode(data, views=[view], max_pixels=limits.max_pixels)
    except PictureError as error:
        name = shown(str(source) if isinstance(source, Path) else source)
        remedy = _REMEDIES.get(error.outcome, _ANY_REMEDY)
        message = f"cannot use the picture {name}: {error}; {remedy}"
        raise UnreadableImageError(message) from error


def _read(source: str | bytes | Path, limits: Limits, open_hosts: OpenHosts) -> bytes:
    if isinstance(source, bytes):
        check_size(len(source), max_bytes=limits.max_bytes)
        return source
    if isinstance(source, str) and is_url(source):
        # A thread of its own: in a notebook this one has an event loop running already.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, _fetch(source, limits, open_hosts)).result()
    path = Path(source)
    facts = file_facts(path, max_bytes=limits.max_bytes)
    return read_file(path, facts, max_bytes=limits.max_bytes)


async def _fetch(url: str, limits: Limits, open_hosts: OpenHosts) -> bytes:
    from .remote import Remote

    async with Remote(limits, open_hosts) as remote:
        return (await remote.fetch(url)).body
