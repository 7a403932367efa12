"""What ranking reads of one generation."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..types import History, Mask, Rows, Scores
from .facts import Facts
from .fuse import SparseScores
from .profile import read_profile
from .space import Space
from .taste import TasteSpace

__all__ = ["Baskets", "Catalogue", "taste_vector"]


class FactorScorer(Protocol):
    """Scores items by factors of a matrix of picks; see `learn.als`."""

    factors: NDArray[np.float32]
    """Of the items, shape (n, f)."""
    gram: NDArray[np.float32]
    """Shape (f, f)."""

    def likings(self, rows: Rows, weights: Scores, pool: Rows) -> Scores:
        """How much someone who picked `rows` likes the items of `pool`, shape (m,)."""
        ...


class WordScorer(Protocol):
    """Scores items by their words; see `features.words.WordIndex`."""

    def of_items(self, rows: Rows, weights: Scores) -> Scores:
        """Mean cosine of every item to the given ones."""
        ...

    def among(self, rows: Rows, weights: Scores, pool: Rows) -> Scores:
        """Return the same of the items of `pool` alone, shape (m,)."""
        ...

    def presence(self) -> Mask:
        """Say which items have words."""
        ...

    def by_item(self) -> tuple[NDArray[np.int64], NDArray[np.int32], Scores, Mask]:
        """Return the words of every item as arrays, and which words count between items."""
        ...


class TextScorer(Protocol):
    """Finds items by the words of a query; see `features.lexical.LexicalIndex`."""

    def of_text(self, text: str) -> Scores:
        """Score every item by the words of a text; 0 where it has none of them."""
        ...

    def code_share(self, text: str) -> float:
        """Say how many of the words are numbers and codes that the catalogue has, 0 to 1."""
        ...

    def guesses(self, text: str) -> dict[str, list[str]]:
        """Return what is searched for in place of words that no item has."""
        ...


@dataclass(frozen=True, slots=True)
class Baskets:
    """What lies in one basket with each item, best first: both shape (n, c), padded with -1."""

    neighbours: Rows
    scores: Scores


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The arrays of one generation that ranking reads, all in item-row order.

    `images` and `texts` are the vectors of the items' pictures and of their words; whether the two
    share one space is the encoder's affair. `neighbours` and `neighbour_scores`, shape (n, c), are
    the items picked together with each item, padded with -1; of EASE, scores may be below 0.
    """

    images: Space
    texts: Space
    neighbours: Rows
    neighbour_scores: Scores
    words: WordScorer
    facts: Facts
    taste: TasteSpace
    factors: FactorScorer | None = None
    """None where no factors were learnt."""
    lexical: TextScorer | None = None
    """None while the model is learnt: nobody asks then."""
    baskets: Baskets | None = None
    """None where nothing is learnt from baskets, and while the model is learnt."""

    def __len__(self) -> int:
        return len(self.images.presence)

    def picked_together(self, rows: Rows, weights: Scores) -> SparseScores:
        """How often every item is picked by those who pick `rows`."""
        return _summed(self.neighbours[rows], self.neighbour_scores[rows], weights)

    def same_basket(self, rows: Rows, weights: Scores) -> SparseScores:
        """How often every item lies in one basket with `rows`."""
        if self.baskets is None:
            return SparseScores(np.zeros(0, np.int32), np.zeros(0, np.float32))
        return _summed(self.baskets.neighbours[rows], self.baskets.scores[rows], weights)


def _summed(neighbours: Rows, scores: Scores, weights: Scores) -> SparseScores:
    """Sum up what lists, shape (m, c), say of every item, each by its weight, shape (m,)."""
    others, places = np.unique(neighbours, return_inverse=True)
    totals = np.bincount(places.ravel(), (scores * weights[:, None]).ravel()).astype(np.float32)
    first = int(np.searchsorted(others, 0))  # after what pads the lists
    return SparseScores(others[first:], totals[first:])


def taste_vector(catalogue: Catalogue, history: History) -> NDArray[np.float32] | None:
    """Return the mean of a history's looks, unit length, shape (d,); None if none has a picture."""
    profile = read_profile(history)
    seen = catalogue.images.presence[profile.rows]
    if not seen.any():
        return None
    mean = profile.weights[seen] @ catalogue.images.centered(profile.rows[seen])
    length = float(np.linalg.norm(mean))
    return (mean / np.float32(length)).astype(np.float32) if length > 0 else None
