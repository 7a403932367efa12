"""Joins the parts of a query with the items of one generation, and with the person who asks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .algebra import Part
from .encode.base import TextTower
from .errors import UnknownItemError
from .known import KnownItems
from .probes import Aim, Probe, QueryEncoder
from .rank.blend import blended
from .rank.fuse import Ranked, best_first
from .rank.newcomer import Guess, for_newcomer
from .rank.query import Query
from .rank.ranker import Ranker
from .rank.recommender import Recommender
from .rank.space import Space
from .types import History, Mask, Rows, Vectors

if TYPE_CHECKING:
    from .encoders import Encoders

__all__ = ["Searching", "Sought"]

_POOL = 200
"""Trending items, at least, that a person's liking chooses from where nothing is searched for."""
_NOTHING = Ranked(np.zeros(0, np.int32), np.zeros(0, np.float32), {})


@dataclass(frozen=True, slots=True)
class Sought:
    """A query, ready to be held against the items."""

    parts: tuple[Part, ...]
    probe: Probe
    named: Rows
    """Items that are parts of it: they are what it is about, not an answer to it."""

    @property
    def names(self) -> list[str]:
        """What tells it from other queries."""
        return [f"{part.kind} {part.weight:g} {part.value!r}" for part in self.parts]


class Searching:
    """Searches the items of one generation; threads may share it.

    Parameters
    ----------
    ranker, recommender
        Of the items: what answers a query, and what a person likes.
    known
        Their ids.
    record
        What the generation's manifest says of its encoder, and of vectors that were given.
    encoders
        Returns where the encoder is opened; called by the first query that needs it.
    """

    def __init__(
        self,
        ranker: Ranker,
        recommender: Recommender,
        known: KnownItems,
        record: Mapping[str, Any],
        encoders: "Callable[[], Encoders]",
    ) -> None:
        self._ranker = ranker
        self._recommender = recommender
        self._known = known
        self._encoder = QueryEncoder(record, encoders)

    def text_tower(self) -> TextTower:
        """Open the tower that reads words; see `probes.QueryEncoder.text_tower`."""
        return self._encoder.text_tower()

    def seek(self, parts: Sequence[Part], query: Query, allow_hosts: Collection[str]) -> Sought:
        """Find the items and encode the pictures and words that a query is made of.

        Raises
        ------
        UnknownItemError
            If the model has no such item.
        UnsupportedError, UnreadableImageError, EncoderError
            As `probes.QueryEncoder.probe`.
        """
        rows = {str(part.value): self._row(part) for part in parts if part.kind == "item_id"}
        own = {item_id: self._vectors(row) for item_id, row in rows.items()}
        is_literal = query.inference.text_semantic_search_weight == 0
        probe = self._encoder.probe(parts, own, allow_hosts, words_alone=is_literal)
        named = np.array(sorted(set(rows.values())), np.int32)
        return Sought(tuple(parts), probe, named)

    def found(
        self,
        sought: Sought,
        query: Query,
        notes: list[str],
        *,
        allowed: Mask | None = None,
        only: Rows | None = None,
    ) -> Ranked:
        """Score what answers a query, best first: all candidates, of which the k best are right.

        Parameters
        ----------
        sought
            What is searched for; without any part, what is trending. Items that are parts of it are
            left out, unless `only` names them.
        query
            Its limit is how many results are wanted.
        notes
            Where what the caller should know is added.
        allowed
            Items that may be returned, shape (n,); None: all.
        only
            Score just these rows, as far as they are allowed.
        """
        probe, catalogue = sought.probe, self._ranker.catalogue
        notes += probe.notes
        if not sought.parts:
            return self._ranker.trending(max(_POOL, 2 * query.limit), allowed=allowed)
        aside: dict[str, float] = {}
        looks = self._direction("looks", catalogue.images, probe.images, sought, aside, notes)
        meaning = self._direction("meaning", catalogue.texts, probe.texts, sought, aside, notes)
        if probe.words == {}:
            notes.append("the words of the query cancel each other out: none is searched for")
        if looks is None and meaning is None and not probe.words:
            return _NOTHING
        stand_in = None
        if looks is not None and probe.stand_in is not None:
            stand_in = catalogue.texts.toward(probe.stand_in.vectors, probe.stand_in.weights)
        if len(sought.named) and only is None:
            allowed = np.ones(len(catalogue), np.bool_) if allowed is None else allowed.copy()
            allowed[sought.named] = False
        found = self._ranker.query_candidates(
            query.limit,
            looks=looks,
            meaning=meaning,
            stand_in=stand_in,
            text=probe.words,
            semantic_share=_semantic_share(sought, query),
            wordless_share=_wordless_share(sought.parts),
            aside=aside,
            allowed=allowed,
            only=only,
        )
        if len(found.rows) == 0 and (allowed is None or bool(allowed.any())):
            notes.append(_why_nothing(probe, is_encoded=looks is not None or meaning is not None))
        if _semantic_share(sought, query) < 1:
            notes += self._guessed(probe)
        return best_first(found, len(found.rows))

    def _guessed(self, probe: Probe) -> list[str]:
        """Say which words no item has, and what was searched for in their place."""
        lexical = self._ranker.catalogue.lexical
        if lexical is None or not probe.words:
            return []
        sought = " ".join(text for text, weight in probe.words.items() if weight > 0)
        return [
            f"no item has the word {word!r}; searched for {', '.join(map(repr, found))} instead"
            for word, found in lexical.guesses(sought).items()
        ]

    def leaned(
        self,
        found: Ranked,
        query: Query,
        history: History | None,
        guess: Guess | None = None,
        rng: np.random.Generator | None = None,
    ) -> Ranked:
        """Mix in how much what was found is to someone's liking; see `rank.blend.blended`.

        Parameters
        ----------
        found
            What answers the query.
        query
            Its `inference.personal_weight` is how much the liking counts.
        history, guess
            What is known of the person: their picks, or else what their features say. Without
            either, `found` comes back as it is.
        rng
            For policies that draw.
        """
        weight = query.inference.personal_weight
        if weight == 0 or len(found.rows) == 0:
            return found
        if history is not None and (history.weights > 0).any():
            liked = self._recommender.for_person(
                history, len(found.rows), inference=query.inference, only=found.rows, rng=rng
            )
        elif guess is not None:
            among = np.zeros(len(self._ranker.catalogue), np.bool_)
            among[found.rows] = True
            liked = for_newcomer(self._ranker.catalogue, guess, len(found.rows), among)
        else:
            return found
        return blended(found, liked, weight)

    def _direction(
        self,
        name: str,
        space: Space,
        aim: Aim | None,
        sought: Sought,
        aside: dict[str, float],
        notes: list[str],
    ) -> Vectors | None:
        if aim is None:
            return None
        direction = space.toward(aim.vectors, aim.weights)
        if direction is None:
            kind = {"looks": "pictures", "meaning": "words"}[name]
            notes.append(
                f"the parts of the query cancel each other out among the items' {kind}: what these "
                "mean plays no part"
            )
        elif aim.is_averse:
            aside[name] = float(np.abs(aim.weights).sum()) / sum(
                abs(part.weight) for part in sought.parts
            )
        return direction

    def _row(self, part: Part) -> int:
        try:
            return self._known.row(str(part.value))
        except UnknownItemError as error:
            message = f"{part.where}: {error}" if part.where else str(error)
            raise UnknownItemError(message) from error

    def _vectors(self, row: int) -> dict[str, NDArray[np.float32]]:
        catalogue = self._ranker.catalogue
        spaces = {"images": catalogue.images, "texts": catalogue.texts}
        return {
            name: np.asarray(space.vectors[row], np.float32)
            for name, space in spaces.items()
            if space.presence[row]
        }


def _why_nothing(probe: Probe, *, is_encoded: bool) -> str:
    if is_encoded:
        return "no item that passes the filter has anything that the query can be compared with"
    asked = " or ".join(repr(text) for text, weight in (probe.words or {}).items() if weight > 0)
    return f"no item that passes the filter has a word of {asked}"


def _semantic_share(sought: Sought, query: Query) -> float:
    return query.inference.text_semantic_search_weight if sought.probe.has_meaning else 0.0


def _wordless_share(parts: Sequence[Part]) -> float:
    """How much of a query is pictures and items, 0 to 1, by the weights of its parts."""
    wordless = sum(abs(part.weight) for part in parts if part.kind != "text")
    return wordless / sum(abs(part.weight) for part in parts)
