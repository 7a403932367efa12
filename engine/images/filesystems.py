"""File systems of fsspec over cloud stores: opened, read from within a cap, and closed."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, TypeAlias, TypeVar

from .fetch import Response
from .hosts import Host
from .limits import Limits, megabytes
from .outcome import Outcome, PictureError

Filesystem: TypeAlias = Any  # fsspec has no types
Result = TypeVar("Result")

_CHUNK_BYTES = 1 << 16
_GONE = {404, 410}
_NOT_PERMITTED = {401, 403}
_UNHEARD = logging.NullHandler()


def open_filesystem(extra: str, limits: Limits) -> Filesystem:
    """Open a store with the account and credentials that its library finds in the environment.

    Parameters
    ----------
    extra
        Our extra that brings the library: ``"s3"``, ``"gcs"`` or ``"azure"``.
    limits
        Caps on time and concurrency.

    Returns
    -------
    Filesystem
        One that nobody else has, and that never answers from a listing it keeps. It runs on
        fsspec's own event loop, in fsspec's thread, because that is what these libraries are
        written for.

    Raises
    ------
    PictureError
        If the library is not installed, or finds no way in.

    Notes
    -----
    Blocks, as some libraries look for credentials here. A configuration that the user gave to
    fsspec holds.
    """
    try:
        filesystem = _class_of(extra)(skip_instance_cache=True, use_listings_cache=False)
    except ImportError as error:
        detail = f"stores like this need an extra: pip install 'sightline[{extra}]'"
        raise PictureError(Outcome.UNSUPPORTED, detail) from error
    except Exception as error:
        detail = f"no way into the store: set its account and credentials ({type(error).__name__})"
        raise PictureError(Outcome.REFUSED, detail) from error
    if extra == "s3":
        # The caller tries again by itself; 5 x 5 attempts for each of its own are too many.
        filesystem.retries = 1
        filesystem.config_kwargs = {
            "connect_timeout": limits.connect_timeout,
            "read_timeout": limits.total_timeout,
            "max_pool_connections": limits.concurrency,
            "retries": {"total_max_attempts": 1},
            **filesystem.config_kwargs,
        }
    return filesystem


def _class_of(extra: str) -> Filesystem:
    if extra == "gcs":
        # The class that fsspec would choose asks for the kind of the bucket by gRPC, and if that
        # is not permitted, again with every object.
        from gcsfs.core import GCSFileSystem

        # It logs a traceback per failure, which Python prints unless somebody listens.
        logging.getLogger("gcsfs").addHandler(_UNHEARD)
        return GCSFileSystem
    from fsspec import get_filesystem_class

    return get_filesystem_class({"s3": "s3", "azure": "abfs"}[extra])


async def on_its_loop(filesystem: Filesystem, coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine where the file system lives; cancelling one cancels the other."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, filesystem.loop))


async def close_filesystem(extra: str, filesystem: Filesystem) -> None:
    """Close the connections, for which fsspec itself has no way; runs on its loop."""
    if extra == "s3" and filesystem._s3 is not None:
        await filesystem._s3.close()
    if extra == "gcs" and filesystem._session is not None:
        await filesystem._session.close()
    if extra == "azure":
        await filesystem.service_client.close()
        if hasattr(filesystem.credential, "close"):
            await filesystem.credential.close()


async def read_object(
    filesystem: Filesystem, path: str, *, etag: str, max_bytes: int
) -> Response | None:
    """Read an object, or return None if `etag` is its own; runs on the file system's loop.

    Parameters
    ----------
    filesystem
        Where it is.
    path
        Bucket and key, without a scheme.
    etag
        That of a `Response` for this path; empty for none.
    max_bytes
        Cap on its size, which is asked for first, and on what then comes.

    Raises
    ------
    PictureError
        If it is a folder, too large, or not all of it came.
    Exception
        Whatever the library raises; see `failure_of`.
    """
    facts = await filesystem._info(path)
    if facts["type"] != "file":
        raise PictureError(Outcome.UNREADABLE, "a folder, not an object")
    size = facts["size"]
    if size > max_bytes:
        detail = f"{megabytes(size)} > {megabytes(max_bytes)}"
        raise PictureError(Outcome.TOO_LARGE, detail)
    version = _version(facts)
    if version and version == etag:
        return None
    body = await _body(filesystem, path, size, max_bytes=max_bytes)
    if len(body) != size:
        detail = f"{len(body)} bytes came of {size}"
        raise PictureError(Outcome.TRUNCATED, detail, transient=True)
    return Response(body, etag=version)


def _version(facts: Mapping[str, Any]) -> str:
    """Tell this version of an object from others; empty if the store says nothing of it."""
    if etag := facts.get("ETag") or facts.get("etag"):
        return str(etag)
    changed = facts.get("LastModified") or facts.get("last_modified") or facts.get("updated")
    return f"{facts['size']} {changed}" if changed else ""


async def _body(filesystem: Filesystem, path: str, size: int, *, max_bytes: int) -> bytes:
    if size == 0:
        return b""
    try:
        stream = await filesystem.open_async(path)
    except NotImplementedError:
        # Google's and Microsoft's libraries cannot stream. Their own servers keep to a range.
        return bytes(await filesystem._cat_file(path, start=0, end=size))
    body = bytearray()
    try:
        while chunk := await stream.read(_CHUNK_BYTES):
            body += chunk
            if len(body) > max_bytes:
                raise PictureError(Outcome.TOO_LARGE, f"more than {megabytes(max_bytes)}")
    finally:
        if stream.r is not None:  # closing the stream itself leaves the connection open
            stream.r.close()
    return bytes(body)


def failure_of(error: Exception, host: Host) -> PictureError:
    """Tell what an exception of a store's library means for the picture.

    Its message is not repeated, as it may hold a signed URL.
    """
    name = type(error).__name__
    # First, as what caused it may carry the code of a parser, which is no status.
    if any(word in name for word in ("Payload", "Incomplete", "Streaming")):
        return PictureError(Outcome.TRUNCATED, "the answer broke off", transient=True)
    status = status_of(error)
    if isinstance(error, FileNotFoundError) or status in _GONE:
        return PictureError(Outcome.NOT_FOUND, "no such object")
    if lacks_credentials(error):
        detail = f"no credentials for the store: set them in the environment ({name})"
        return PictureError(Outcome.REFUSED, detail)
    # gcsfs says so in words only.
    is_forbidden = isinstance(error, OSError) and str(error).startswith("Forbidden")
    if isinstance(error, PermissionError) or status in _NOT_PERMITTED or is_forbidden:
        return PictureError(Outcome.REFUSED, "the store does not permit reading it")
    if status is not None:
        return PictureError(Outcome.HTTP_ERROR, f"HTTP {status}", transient=status >= 500)
    is_late = isinstance(error, TimeoutError) or "Timeout" in name
    outcome = Outcome.TIMEOUT if is_late else Outcome.UNREACHABLE
    return PictureError(outcome, f"{host[0]}: {name}", transient=True, host=host)


def lacks_credentials(error: Exception) -> bool:
    """Whether a library says that it found no credentials to ask with."""
    # NoCredentialsError, DefaultCredentialsError, CredentialUnavailableError: each library has its
    # own, without a common base.
    return "Credential" in type(error).__name__


def status_of(error: BaseException | None) -> int | None:
    """Find the HTTP status in an exception or in what caused it; every library keeps its own."""
    while error is not None:
        response = getattr(error, "response", None)
        found = response.get("ResponseMetadata", {}) if isinstance(response, Mapping) else {}
        said = [getattr(error, name, None) for name in ("status_code", "status", "code")]
        for status in (found.get("HTTPStatusCode"), *said):
            if isinstance(status, int) and status >= 400:
                return status
        error = error.__cause__
    return None
