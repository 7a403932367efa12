"""Joins a query with the encoder of a generation: its picture and words become vectors."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .encode.base import Encoder, TextTower
from .errors import UnsupportedError
from .types import Vectors

if TYPE_CHECKING:
    from .encoders import Encoders

__all__ = ["Probe", "QueryEncoder", "spaces_reached"]

_NO_VECTORS = "matched by the items' own words"


@dataclass(frozen=True, slots=True)
class Probe:
    """What to look for: unit vectors, one row per part of the query; None where there is nothing.

    `images`, shape (q, d), among the items' pictures; `texts`, shape (p, t), among their words;
    `stand_in`, shape (r, t), among the words of items without a picture, in place of `images`.
    """

    images: Vectors | None
    texts: Vectors | None
    stand_in: Vectors | None
    notes: tuple[str, ...] = ()


class QueryEncoder:
    """Encodes queries in the spaces of one generation; threads may share it.

    Parameters
    ----------
    record
        What the generation's manifest says of its encoder, and of vectors that were given.
    encoders
        Returns where the encoder is opened; called by the first query that needs it.
    """

    def __init__(self, record: Mapping[str, Any], encoders: "Callable[[], Encoders]") -> None:
        self._record = record
        self._encoders = encoders

    def probe(
        self,
        image: str | os.PathLike[str] | bytes | None,
        text: str | None,
        allow_hosts: Collection[str],
    ) -> Probe:
        """Encode a picture, words, or both; see `sightline.Client.retrieve`.

        Raises
        ------
        UnsupportedError
            For a picture, if no vectors of the model are in the space of its encoder.
        UnreadableImageError
            If the picture cannot be read.
        EncoderError
            If the encoder is gone or does not run here.
        """
        found: dict[str, list[Vectors]] = {"images": [], "texts": [], "stand_in": []}
        notes = []
        if image is not None:
            spaces = spaces_reached(self._record, "images")
            if not spaces:
                column = self._record["given"]["images"]["column"]
                message = (
                    f"the picture vectors of this model were given (column {column!r}), so a "
                    "picture cannot be compared with them; name the encoder that they come from "
                    "as language_model_name"
                )
                raise UnsupportedError(message)
            if "images" not in spaces:
                notes.append(
                    f"the picture vectors of this model were given (column "
                    f"{self._record['given']['images']['column']!r}), without their encoder: the "
                    "picture was compared with the items' words"
                )
            from .pictures import encode_query  # pictures in a query are rare

            vector = encode_query(image, self._encoder.images, allow_hosts)
            # Pictures tell more of a picture than words do: those are for items without one.
            for space in spaces:
                found["images" if space == "images" else "stand_in"].append(vector[None])
        if text and not text.isspace():
            spaces = spaces_reached(self._record, "texts")
            tower = self._encoder.texts if spaces else None
            if tower is None:
                notes.append(self._why_words_alone())
            else:
                vectors = tower.encode([text])
                for space in spaces:
                    found[space].append(vectors)
                if found["stand_in"]:
                    found["stand_in"].append(vectors)
        return Probe(
            **{kind: _stacked(vectors) for kind, vectors in found.items()}, notes=tuple(notes)
        )

    @cached_property
    def _encoder(self) -> Encoder:
        return self._encoders().reopen(self._record)

    def text_tower(self) -> TextTower:
        """Open the tower that reads words.

        Raises
        ------
        UnsupportedError
            If the encoder has none.
        EncoderError
            If the encoder is gone or does not run here.
        """
        tower = self._encoder.texts if self._record["texts"] else None
        if tower is None:
            message = f"encoder {self._record['name']!r} has no text tower"
            raise UnsupportedError(message)
        return tower

    def _why_words_alone(self) -> str:
        if self._record["texts"] is None:
            return f"encoder {self._record['name']!r} has no text tower: {_NO_VECTORS}"
        return f"the text vectors of this model were given, without their encoder: {_NO_VECTORS}"


def spaces_reached(record: Mapping[str, Any], tower: str) -> list[str]:
    """Return which vectors of the items can be compared with those of a tower.

    Parameters
    ----------
    record
        What a manifest says of the encoder, and of vectors that were given.
    tower
        ``images`` or ``texts``, as the vectors that are returned.
    """
    if record[tower] is None:
        return []
    reached = ("images", "texts") if record["is_joint"] else (tower,)
    given = record.get("given", {})
    return [kind for kind in reached if kind not in given or given[kind]["in_encoders_space"]]


def _stacked(vectors: list[Vectors]) -> Vectors | None:
    return np.concatenate(vectors) if vectors else None
