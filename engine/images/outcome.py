"""What can become of a cell of an image column, in words that a coverage report can count."""

from enum import StrEnum


class Outcome(StrEnum):
    """The end of one cell's way from reference to pixels."""

    OK = "ok"
    """Pixels were had, or what is derived from them is known already."""
    MISSING = "missing"
    """The cell is null or empty: a state of the item, not a failure."""
    PLACEHOLDER = "placeholder"
    """A picture that stands behind many items, taken for missing because the model says so."""
    NOT_FOUND = "not_found"
    """No such file or object, or the server answered 404 or 410."""
    HTTP_ERROR = "http_error"
    """The server answered with any other status that brings no picture."""
    TIMEOUT = "timeout"
    """No connection, or no complete answer, within the time allowed."""
    UNREACHABLE = "unreachable"
    """Name not found, connection refused or reset, bad certificate, or redirects without end."""
    REFUSED = "refused"
    """An address that is not public, a scheme that is not fetched, credentials in the URL, or what
    a store does not permit to read."""
    NOT_AN_IMAGE = "not_an_image"
    """The content begins like no picture: HTML, JSON, nothing at all."""
    TRUNCATED = "truncated"
    """A picture whose data ends early or is damaged."""
    UNSUPPORTED = "unsupported"
    """A picture that this Pillow cannot decode, or a store whose library is not installed."""
    TOO_LARGE = "too_large"
    """More bytes than the limit."""
    TOO_MANY_PIXELS = "too_many_pixels"
    """More pixels than the limit, by the picture's own header."""
    UNREADABLE = "unreadable"
    """The path is there but is no regular file, or reading it is not permitted."""

    @property
    def is_failure(self) -> bool:
        """Whether a picture was meant to be there and could not be had."""
        return self not in {Outcome.OK, Outcome.MISSING, Outcome.PLACEHOLDER}


class PictureError(Exception):
    """One picture could not be had; never leaves this stage, where it becomes an outcome.

    Parameters
    ----------
    outcome
        Why not, to be counted.
    detail
        What exactly, in a few words, e.g. "HTTP 403".
    transient
        Whether asking the same again soon may well succeed.
    host
        Name and port of the host that is to blame: it did not answer, or it is too busy to.
    """

    def __init__(
        self,
        outcome: Outcome,
        detail: str,
        *,
        transient: bool = False,
        host: tuple[str, int] | None = None,
    ) -> None:
        super().__init__(f"{outcome}: {detail}")
        self.outcome = outcome
        self.detail = detail
        self.transient = transient
        self.host = host
