"""The names that encoders are chosen by, taken apart: folder, hub id, revision, precision."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from sightline_models.pack import Precision

from ..errors import EncoderError

__all__ = ["ATTRIBUTES", "IMMICH", "MINI", "EncoderName", "own_name", "parse_name"]

ATTRIBUTES = "attributes"
"""The encoder that needs no pack."""
MINI = "sightline-mini"
"""The pack that is installed with Sightline."""
IMMICH = "immich-app"
"""Owner, at the hub, of the ready-made encoders that immich's users know."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_][\w.+ -]{0,99}", re.ASCII)
_REVISION = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
_ADDRESS = re.compile(r"(https?://[^/]+/|hf://(models/)?)(?P<id>[^/]+/[^/?#]+)")
_PATH_STARTS = ("./", "../", "/", "~", ".\\", "..\\", "\\")


@dataclass(frozen=True, slots=True)
class EncoderName:
    """What a name says, before anything is looked for."""

    text: str
    """The name without its precision: what packs are listed and found under."""
    precision: Precision | None = None
    """The suffix, or None where the name leaves it open."""
    folder: Path | None = None
    """The local folder that it means, absolute."""
    repo: str | None = None
    """The repository at the hub that it means, ``owner/name``."""
    revision: str | None = None
    """Branch, tag or commit there; None means its main branch."""

    def __str__(self) -> str:
        return self.text if self.precision is None else f"{self.text}:{self.precision}"


def parse_name(name: str) -> EncoderName:
    r"""Take a name apart.

    A folder that exists is meant before a repository of the same spelling, but not before the
    encoders that come with Sightline. Names without a slash are immich's where they hold two
    underscores; others belong to packs built here, so neither `folder` nor `repo` is given.

    Raises
    ------
    EncoderError
        If it can be no encoder's name: empty, a web address, an unknown precision.

    Examples
    --------
    >>> parse_name("openai/clip-vit-base-patch32@main:int8").revision
    'main'
    >>> parse_name("ViT-B-32__openai").repo
    'immich-app/ViT-B-32__openai'
    >>> parse_name(r"C:\clip").precision
    """
    text = name.strip()
    if not text or not text.isprintable():
        raise _refusal(name, "an encoder's name is one line of printable characters")
    if address := _ADDRESS.match(text):
        raise _refusal(name, f"give the id {address['id']!r} in place of the address")
    head, precision = _split_precision(text)
    if head not in {ATTRIBUTES, MINI} and _is_path(head):
        folder = Path(head).expanduser().absolute()
        return EncoderName(str(folder), precision, folder=folder)
    if precision is None and ":" in head:
        known = ", ".join(get_args(Precision))
        raise _refusal(name, f"{head.rpartition(':')[2]!r} is no precision; there are {known}")
    return _remote(name, head, precision)


def own_name(name: str) -> str:
    """Return a name that a pack may be given, without outer blanks.

    Raises
    ------
    EncoderError
        If it would be taken for something else: a folder, a repository, what Sightline brings.
    """
    wanted = parse_name(name)
    own = {ATTRIBUTES, MINI}
    if wanted.text in own or wanted.folder or wanted.precision or wanted.revision:
        message = (
            f"{name!r} cannot be the name of a pack: give letters, digits, '_', '-' or '.', or "
            f"owner/name, without '@' and ':', and neither {ATTRIBUTES!r} nor {MINI!r}"
        )
        raise EncoderError(message)
    return wanted.text


def _remote(name: str, head: str, precision: Precision | None) -> EncoderName:
    plain, at, revision = head.partition("@")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise _refusal(name, f"{revision!r} after '@' is no branch, tag or commit")
    if "/" not in plain and "\\" not in plain and _PLAIN.fullmatch(plain):
        repo = f"{IMMICH}/{plain}" if "__" in plain else None
        if at and repo is None:
            raise _refusal(name, "only names of the hub, such as owner/name@v1, have revisions")
        return EncoderName(head, precision, repo=repo, revision=revision or None)
    if _HUB_ID.fullmatch(plain) and "--" not in plain and ".." not in plain:
        return EncoderName(head, precision, repo=plain, revision=revision or None)
    why = (
        "it is neither a folder that exists nor a hub id such as 'openai/clip-vit-base-patch32', "
        "an immich id such as 'ViT-B-32__openai', or one of those that come with "
        "Sightline, 'sightline-mini' and 'attributes'"
    )
    raise _refusal(name, why)


def _split_precision(text: str) -> tuple[str, Precision | None]:
    """Cut a precision off the end; of ``C:int8`` nothing, since a lone letter is a drive."""
    head, colon, tail = text.rpartition(":")
    if not colon or len(head) < 2 or tail not in get_args(Precision):
        return text, None
    return head, cast("Precision", tail)


def _is_path(text: str) -> bool:
    has_drive = len(text) > 1 and text[0].isalpha() and text[1] == ":"
    if has_drive or text in {".", ".."} or text.startswith(_PATH_STARTS):
        return True
    return os.path.isdir(Path(text))  # noqa: PTH112 - unlike is_dir, False for what no path can be


def _refusal(name: str, why: str) -> EncoderError:
    return EncoderError(f"{name!r} cannot be an encoder: {why}")
