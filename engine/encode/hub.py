"""What the Hugging Face hub has under a name, and the files chosen of it, through its own library.

Cache, resuming, tokens, mirrors and working offline are the library's, as its users know them:
``HF_HOME``, ``HF_TOKEN``, ``HF_ENDPOINT``, ``HF_HUB_OFFLINE``.
"""

import glob
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from huggingface_hub import HfApi, constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import tqdm

from ..errors import EncoderError

__all__ = ["Hub", "Listing", "Progress"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Told the step, what of it is done, and how much there is; 0 where that is not known."""

_CONVERTER = "SFconvertbot"  # the hub's own; pull requests of others may hold other weights
_TELL_EVERY_SECONDS = 0.2
_MEGABYTE = 1 << 20
_WIRES = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3"}
_OFFLINE = (
    "without a network: run `sightline encoders pull` where there is one and copy the home here, "
    "or copy the hub's cache (HF_HOME) and set HF_HUB_OFFLINE=1, or name a local folder"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at one revision."""

    repo: str
    revision: str | None
    """As asked for; None is the main branch."""
    commit: str
    files: tuple[str, ...]
    licence: str = ""
    cached: Path | None = None
    """Where the files lie already, of a hub that cannot be reached."""


class Hub:
    """The hub that ``HF_ENDPOINT`` names, and the cache in ``HF_HOME``.

    Parameters
    ----------
    endpoint, cache
        Others in their place.
    """

    def __init__(self, endpoint: str | None = None, cache: Path | None = None) -> None:
        self._api = HfApi(endpoint=endpoint, library_name="sightline")
        self._endpoint = endpoint
        self.cache = Path(cache or constants.HF_HUB_CACHE)

    @property
    def address(self) -> str:
        """Web address of the hub."""
        return str(self._api.endpoint)

    def listing(self, repo: str, revision: str | None = None) -> Listing:
        """List a repository; without a network, what its cache holds.

        Raises
        ------
        EncoderError
            If there is no such repository or revision, it is not for everyone, or the hub cannot be
            reached and the cache knows nothing of it.
        """
        with self._explained(repo, revision):
            try:
                with _unreachable_as_offline():
                    info = self._api.model_info(repo, revision=revision)
            except OfflineModeIsEnabled as error:
                if (cached := self._cached(repo, revision)) is not None:
                    return cached
                raise error from error.__cause__
        files = tuple(sorted(sibling.rfilename for sibling in info.siblings or ()))
        licence = getattr(info.card_data, "license", None)
        return Listing(repo, revision, str(info.sha), files, str(licence or ""))

    def exists(self, repo: str) -> bool:
        """Whether there is such a repository that this account may see.

        Raises
        ------
        EncoderError
            If the hub refuses to say. Without a network, its cache answers.
        """
        with self._explained(repo, None):
            try:
                with _unreachable_as_offline():
                    return self._api.repo_exists(repo)
            except OfflineModeIsEnabled:
                return self._cached(repo, None) is not None

    def conversion(self, repo: str) -> Listing | None:
        """List the pull request in which the hub's converter offers safetensors, if there is one.

        Raises
        ------
        EncoderError
            As of `listing`.
        """
        if constants.is_offline_mode():
            return None
        with self._explained(repo, None), _unreachable_as_offline():
            offered = self._api.get_repo_discussions(
                repo, author=_CONVERTER, discussion_type="pull_request"
            )
            references = [
                one.git_reference
                for one in offered
                if one.author == _CONVERTER and one.is_pull_request and one.status == "open"
            ]
        for reference in references:
            listing = self.listing(repo, reference)
            if any(file.endswith(".safetensors") for file in listing.files):
                return listing
        return None

    def download(
        self, listing: Listing, files: Sequence[str], progress: Progress | None = None
    ) -> Path:
        """Download files into the hub's cache, those that are not there yet.

        Parameters
        ----------
        listing, files
            Which, of what.
        progress
            Told the megabytes.

        Returns
        -------
        folder
            Holds the files under their names, and maybe others.

        Raises
        ------
        EncoderError
            If the hub cannot be reached, or refuses. What was loaded so far is kept, and the next
            attempt goes on from there.
        """
        if listing.cached is not None:
            return listing.cached
        with self._explained(listing.repo, listing.revision), _unreachable_as_offline():
            folder = snapshot_download(
                listing.repo,
                revision=listing.revision,
                allow_patterns=[glob.escape(file) for file in files],
                cache_dir=self.cache,
                endpoint=self._endpoint,
                library_name="sightline",
                tqdm_class=_bars_for(progress, f"downloading {listing.repo} (MB)"),
            )
            missing = [file for file in files if not (Path(folder) / file).is_file()]
            if missing:
                what = f"{missing[0]} did not arrive"
                raise OfflineModeIsEnabled(what)
        return Path(folder)

    def _cached(self, repo: str, revision: str | None) -> Listing | None:
        try:
            folder = Path(
                snapshot_download(
                    repo,
                    revision=revision,
                    cache_dir=self.cache,
                    local_files_only=True,
                    allow_patterns=[],  # whatever is there: what is needed is chosen of it
                )
            )
        except LocalEntryNotFoundError:
            return None
        files = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        return Listing(repo, revision, folder.name, tuple(files), cached=folder) if files else None

    @contextmanager
    def _explained(self, repo: str, revision: str | None) -> Iterator[None]:
        """Turn the library's errors into those that say what to do."""
        try:
            yield
        except HFValidationError as error:
            message = f"{repo!r} can be no repository of the hub: {error}"
            raise EncoderError(message) from error
        except RevisionNotFoundError as error:
            message = (
                f"{repo!r} has no revision {revision!r} at {self.address}: name one of its "
                "branches, tags or commits after '@', or leave it out"
            )
            raise EncoderError(message) from error
        except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
            raise EncoderError(self._unreachable(repo, revision, error)) from error
        except HfHubHTTPError as error:
            raise EncoderError(self._refused(repo, error)) from error

    def _unreachable(self, repo: str, revision: str | None, error: Exception) -> str:
        wanted = repo if revision is None else f"{repo}@{revision}"
        if constants.is_offline_mode():
            tried = f"HF_HUB_OFFLINE is set, and the cache {self.cache} does not hold it"
        else:
            why = error.__cause__ or error
            tried = (
                f"{self.address} was tried ({type(why).__name__}: {_first_line(why)}), "
                f"and the cache {self.cache} does not hold it"
            )
        return f"{wanted!r} cannot be had: {tried}; {_OFFLINE}"

    def _refused(self, repo: str, error: HfHubHTTPError) -> str:
        page = f"{self.address}/{repo}"
        status = error.response.status_code
        if isinstance(error, GatedRepoError):
            return (
                f"{repo!r} is gated: accept its terms at {page}, then log in with `hf auth login` "
                "or set HF_TOKEN to a token of the account that accepted them"
            )
        if isinstance(error, RepositoryNotFoundError):
            return (
                f"there is no model {repo!r} at {self.address}, or it is private: check the "
                "spelling; for a private one, log in with `hf auth login` or set HF_TOKEN"
            )
        if status in {401, 403}:
            return (
                f"{self.address} does not let this account read {repo!r} (status {status}): log in "
                "with `hf auth login`, or set HF_TOKEN to a token that may"
            )
        remedy = "wait a while, or log in with `hf auth login`" if status == 429 else "try later"
        return f"{self.address} refused {repo!r} with the status {status}: {remedy}; {_OFFLINE}"


@contextmanager
def _unreachable_as_offline() -> Iterator[None]:
    """Give failures of the wire one name; the library's HTTP client changes with its version."""
    try:
        yield
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise
    except Exception as error:
        is_of_the_wire = type(error).__module__.partition(".")[0] in _WIRES or (
            # "Consistency check failed": less arrived than was announced.
            isinstance(error, ConnectionError | TimeoutError | OSError)
            and (isinstance(error, ConnectionError | TimeoutError) or error.errno is None)
        )
        if not is_of_the_wire:
            raise
        raise OfflineModeIsEnabled(_first_line(error)) from error


def _bars_for(progress: Progress | None, step: str) -> type[tqdm]:
    """Return a progress bar that draws nothing and tells `progress` how many bytes are there."""
    told = [0.0]

    class Told(tqdm):
        monitor_interval = 0  # no thread that looks after bars nobody sees

        def __init__(self, *args: Any, **options: Any) -> None:
            options |= {"disable": False, "file": io.StringIO()}
            super().__init__(*args, **options)  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            now = time.monotonic()
            is_last = bool(self.total) and self.n >= self.total
            if self.unit == "B" and (is_last or now - told[0] > _TELL_EVERY_SECONDS):
                told[0] = now
                if progress is not None:
                    progress(step, int(self.n) // _MEGABYTE, int(self.total or 0) // _MEGABYTE)
            return drawn

    return Told


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
