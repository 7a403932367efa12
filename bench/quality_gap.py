"""The modality gap: whether items without a picture come first as often as they should.

Three in ten of the held-out products lose their picture and are left with their title. Asked for
"blue shirts", a search should then show three in ten without a picture: more, and words drown
pictures, fewer, and they are drowned.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
from quality_data import Tables
from quality_measures import Estimate, estimate
from quality_tasks import encode_pictures, joint_texts
from sightline.encode.base import Encoder
from sightline.features.words import no_words
from sightline.index.plan import fresh_index
from sightline.rank.catalogue import Catalogue
from sightline.rank.facts import no_facts
from sightline.rank.ranker import Ranker
from sightline.rank.space import Space
from sightline.rank.taste import TasteSpace
from sightline.types import Mask, Vectors

__all__ = ["modality_gap"]

_MISSING = 0.3
_SEED = 0
_K = 10
_FEWEST_RIGHT = 8
"""Products that a query has to be right for: of fewer, ten results are mostly wrong ones."""


def modality_gap(encoder: Encoder, tables: Tables) -> dict[str, Estimate]:
    """Measure the shares of items without a picture among the first ten; none without words.

    Returns
    -------
    figures
        ``gap_missing``, the share that there is; ``gap_share``, that of `retrieve` by vectors, as
        it is asked in words; ``gap_share_raw``, that of bare cosines; ``gap_p10`` and
        ``gap_p10_raw``, how many of the ten are of the colour and the article that was asked for.
    """
    texts = joint_texts(encoder)
    if texts is None:
        return {}
    products = tables.products()
    pairs = [(row["color"], row["article"]) for row in products.labels]
    asked = [pair for pair, count in Counter(pairs).items() if count >= _FEWEST_RIGHT]
    queries = texts.encode([f"{colour} {article}".lower() for colour, article in asked])
    right = np.array([[pair == wanted for pair in pairs] for wanted in asked])
    pictures = encode_pictures(products.pictures, encoder.images)
    titles = texts.encode(products.titles)
    missing = np.random.default_rng(_SEED).random(len(pairs)) < _MISSING
    ranker = Ranker(_catalogue(pictures, titles, ~missing))
    found = np.stack([ranker.for_query(_K, looks=q[None], meaning=q[None]).rows for q in queries])
    cosines = np.where(missing, queries @ titles.T, queries @ pictures.T)
    raw = np.argsort(-cosines, axis=1, kind="stable")[:, :_K]
    return {
        "gap_missing": estimate(missing.astype(np.float64)),
        "gap_share": estimate(missing[found].mean(axis=1)),
        "gap_share_raw": estimate(missing[raw].mean(axis=1)),
        "gap_p10": estimate(np.take_along_axis(right, found, axis=1).mean(axis=1)),
        "gap_p10_raw": estimate(np.take_along_axis(right, raw, axis=1).mean(axis=1)),
    }


def _catalogue(pictures: Vectors, titles: Vectors, seen: Mask) -> Catalogue:
    """Build the catalogue of a shop in which nobody has done anything yet, of vectors alone."""
    n_items = len(seen)
    nobody = np.zeros((n_items, 0), np.int32)
    nowhere = np.zeros((n_items, 0), np.float32), np.zeros(n_items, np.bool_)
    return Catalogue(
        images=_space(pictures, seen),
        texts=_space(titles, np.ones(n_items, np.bool_)),
        neighbours=nobody,
        neighbour_scores=nobody.astype(np.float32),
        words=no_words(n_items),
        facts=replace(no_facts(n_items), has_picture=seen),
        taste=TasteSpace(*nowhere, np.ones(n_items, np.float32), fresh_index(*nowhere)),
    )


def _space(vectors: Vectors, presence: Mask) -> Space:
    kept = np.where(presence[:, None], vectors, np.float32(0))
    return Space(kept, presence, kept[presence].mean(axis=0), fresh_index(kept, presence))
