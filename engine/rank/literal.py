"""The words of a query found literally, and what they count for beside its vectors."""

from collections.abc import Collection, Mapping

import numpy as np

from ..types import Scores
from .catalogue import Catalogue

__all__ = ["QUERY_WEIGHTS", "SEMANTIC_SHARE", "code_share", "literally", "shared_weights"]

QUERY_WEIGHTS = {"looks": 1.0, "meaning": 1.0, "words": 1.0, "trend": 0.02}
SEMANTIC_SHARE = 0.7
"""What vectors count for beside literal words where both are asked, as in Shaped's front end: one
shared word shall not outweigh what the whole query means."""
_BESIDE_CODES = 0.02
"""What vectors count for where a query is all codes that the catalogue has: they part equals."""


def literally(catalogue: Catalogue, texts: Mapping[str, float]) -> tuple[Scores, Scores | None]:
    """How well every item answers the words of texts, and how much speaks against it.

    Both of shape (n,); the latter None where no text has a weight below 0.
    """
    found = np.zeros(len(catalogue), np.float32)
    against = None if all(weight > 0 for weight in texts.values()) else np.zeros_like(found)
    if catalogue.lexical is None:
        return found, against
    for text, weight in texts.items():
        scores = np.float32(abs(weight)) * catalogue.lexical.of_text(text)
        if weight > 0:
            found += scores
        elif against is not None:
            against += scores
    return found, against


def code_share(catalogue: Catalogue, texts: Mapping[str, float]) -> float:
    """How much of what is searched for is numbers and codes that the catalogue has, 0 to 1."""
    sought = {text: weight for text, weight in texts.items() if weight > 0}
    if catalogue.lexical is None or not sought:
        return 0.0
    told = sum(weight * catalogue.lexical.code_share(text) for text, weight in sought.items())
    return told / sum(sought.values())


def shared_weights(
    semantic_share: float, wordless_share: float, codes: float, asked: Collection[str]
) -> dict[str, float]:
    """Weigh the vectors and the words of a query.

    Vectors cannot read codes: these are left to the words, and what the vectors of words say then
    only parts equals. All weights together are what they are without codes at the usual share, so
    that trend always counts for as little.

    Parameters
    ----------
    semantic_share
        What the vectors of words count for where there are no codes, 0 to 1.
    wordless_share
        How much of the query is no words, 0 to 1: the rest is shared.
    codes
        See `code_share`.
    asked
        The spaces that vectors are held against, one or more.
    """
    words = 1 - semantic_share
    meant = semantic_share * max(1 - codes, _BESIDE_CODES * words)
    vectors = wordless_share + (1 - wordless_share) * meant
    words *= 1 - wordless_share
    unit = len(asked) / SEMANTIC_SHARE / (vectors + words)
    each = vectors * unit / len(asked)
    return {**QUERY_WEIGHTS, **dict.fromkeys(asked, each), "words": words * unit}
