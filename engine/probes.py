"""Joins a query with the encoder of a generation: its pictures and words become vectors."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .algebra import Part
from .encode.base import Encoder, TextTower
from .errors import UnreadableImageError, UnsupportedError
from .types import Scores, Vectors

if TYPE_CHECKING:
    from .encoders import Encoders

__all__ = ["Aim", "Probe", "QueryEncoder", "spaces_reached"]

_PICTURE_NAME = re.compile(r"\.(jpe?g|png|webp|gif|avif|bmp|tiff?)$", re.IGNORECASE)
_NO_VECTORS = "matched by the items' own words"


@dataclass(frozen=True, slots=True)
class Aim:
    """What to look for in one space: unit vectors, shape (q, d), and their weights, shape (q,).

    What has a weight below 0 is to be far from.
    """

    vectors: Vectors
    weights: Scores

    @property
    def is_averse(self) -> bool:
        """Whether it only says what to be far from."""
        return not (self.weights > 0).any()


@dataclass(frozen=True, slots=True)
class Probe:
    """What to look for in each space, None where there is nothing, and which words.

    `images` among the items' pictures; `texts` among their words; `stand_in` among the words of
    items without a picture, in place of `images`; `words` are texts and how much each counts, None
    where nothing was asked in words. `has_meaning` says whether words are among the vectors.
    """

    images: Aim | None
    texts: Aim | None
    stand_in: Aim | None
    words: Mapping[str, float] | None
    notes: tuple[str, ...] = ()
    has_meaning: bool = False


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
        parts: Sequence[Part],
        own: Mapping[str, Mapping[str, NDArray[np.float32]]],
        allow_hosts: Collection[str],
        *,
        words_alone: bool = False,
    ) -> Probe:
        """Encode the parts of a query; see `sightline.Client.retrieve`.

        A part that a space does not reach is left out there, and the notes say so.

        Parameters
        ----------
        parts
            Pictures, words and items.
        own
            For the id of every part that is an item, its vectors, ``images`` and ``texts``, where
            it has them, shape (d,).
        allow_hosts
            Hosts that pictures may come from although they are on a private address.
        words_alone
            Leave texts to their words: they are not encoded.

        Raises
        ------
        UnsupportedError
            For a picture, if no vectors of the model are in the space of its encoder.
        UnreadableImageError
            If a picture cannot be read.
        EncoderError
            If the encoder is gone or does not run here.
        """
        found = _Found()
        for part in parts:
            if part.kind == "image":
                self._add_picture(part, allow_hosts, found)
            elif part.kind == "item_id":
                self._add_item(part, own[str(part.value)], found)
        texts = [part for part in parts if part.kind == "text"]
        for part in texts:
            found.say(str(part.value), part.weight)
        if not words_alone:
            self._add_texts(texts, found)
        self._tell_unreached(parts, found)
        return found.probe()

    def _tell_unreached(self, parts: Sequence[Part], found: "_Found") -> None:
        """Say which parts are left out where others are compared."""
        towers = [("image", "texts", "words")]
        if found.has_meaning:  # else it was told, or asked for, that words are words alone
            towers.append(("text", "images", "pictures"))
        for kind, space, items in towers:
            if space in spaces_reached(self._record, f"{kind}s") or not found.has(space):
                continue
            found.notes += [
                f"{part.name} was left out where the items' {items} were compared: its encoder "
                f"reads no {items}"
                for part in parts
                if part.kind == kind
            ]

    def _add_picture(self, part: Part, allow_hosts: Collection[str], found: "_Found") -> None:
        spaces = spaces_reached(self._record, "images")
        given = self._record.get("given", {}).get("images", {}).get("column")
        if not spaces:
            message = (
                f"the picture vectors of this model were given (column {given!r}), so a "
                "picture cannot be compared with them; name the encoder that they come from "
                "as language_model_name"
            )
            raise UnsupportedError(_placed(part, message))
        from .pictures import encode_query  # pictures in a query are rare

        try:
            vector = encode_query(part.value, self._encoder.images, allow_hosts)
        except UnreadableImageError as error:
            raise UnreadableImageError(_placed(part, str(error))) from error
        if "images" not in spaces:
            found.notes.append(
                f"the picture vectors of this model were given (column {given!r}), without their "
                "encoder: the picture was compared with the items' words"
            )
            found.add("texts", vector, part.weight)
            return
        found.add("images", vector, part.weight)
        if "texts" in spaces:
            # Pictures tell more of a picture than words do: those are for items without one.
            found.add("stand_in", vector, part.weight)

    def _add_item(
        self, part: Part, own: Mapping[str, NDArray[np.float32]], found: "_Found"
    ) -> None:
        is_one_space = {"images", "texts"} <= set(spaces_reached(self._record, "texts"))
        looks = own.get("images", own.get("texts") if is_one_space else None)
        meaning = own.get("texts", own.get("images") if is_one_space else None)
        if looks is not None:
            found.add("images", looks, part.weight)
        if meaning is not None:
            found.add("texts", meaning, part.weight)
            found.add("shared", meaning, part.weight)
        if looks is None and meaning is None:
            found.notes.append(
                f"item {part.value!r} has neither a picture nor words that were encoded: it was "
                "left out of the query"
            )
        elif "images" not in own and looks is None:
            found.notes.append(
                f"item {part.value!r} has no picture: it was compared by its words alone"
            )

    def _add_texts(self, parts: Sequence[Part], found: "_Found") -> None:
        told = [part for part in parts if part.value and not str(part.value).isspace()]
        if not told:
            return
        spaces = spaces_reached(self._record, "texts")
        tower = self._encoder.texts if spaces else None
        if tower is None:
            found.notes.append(self._why_words_alone())
            return
        found.notes += [
            f"{part.value!r} was searched for as words; a picture is named by its path, as in "
            "./photo.jpg"
            for part in told
            if _PICTURE_NAME.search(str(part.value))
        ]
        vectors = tower.encode([str(part.value) for part in told])
        for part, vector in zip(told, vectors, strict=True):
            for space in (*spaces, "shared"):
                found.add(space, vector, part.weight)
        found.has_meaning = True

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


class _Found:
    """What the parts of a query come to, gathered part by part.

    ``shared`` are the words of parts that are no picture, which the words of items without a
    picture answer as well as they answer pictures.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.has_meaning = False
        self._vectors: dict[str, list[NDArray[np.float32]]] = {}
        self._weights: dict[str, list[float]] = {}
        self._words: dict[str, float] | None = None

    def add(self, space: str, vector: NDArray[np.float32], weight: float) -> None:
        self._vectors.setdefault(space, []).append(vector)
        self._weights.setdefault(space, []).append(weight)

    def say(self, text: str, weight: float) -> None:
        """Add a text; what was said of it before adds up."""
        self._words = {} if self._words is None else self._words
        self._words[text] = self._words.get(text, 0.0) + weight

    def has(self, space: str) -> bool:
        return space in self._vectors

    def probe(self) -> Probe:
        if "stand_in" in self._vectors:
            self._vectors["stand_in"] += self._vectors.get("shared", [])
            self._weights["stand_in"] += self._weights.get("shared", [])
        words = self._words and {text: weight for text, weight in self._words.items() if weight}
        notes = tuple(dict.fromkeys(self.notes))
        aims = self._aim("images"), self._aim("texts"), self._aim("stand_in")
        return Probe(*aims, words, notes, self.has_meaning)

    def _aim(self, space: str) -> Aim | None:
        if space not in self._vectors:
            return None
        return Aim(np.stack(self._vectors[space]), np.array(self._weights[space], np.float32))


def _placed(part: Part, message: str) -> str:
    return f"{part.where}: {message}" if part.where else message
