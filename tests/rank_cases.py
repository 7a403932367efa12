"""Small catalogues to rank, of which nothing is known but what a test says, or all at random."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from sightline.features.words import no_words
from sightline.index.plan import fresh_index
from sightline.rank.catalogue import Catalogue
from sightline.rank.facts import Facts, no_facts
from sightline.rank.profile import Profile
from sightline.rank.space import Space
from sightline.rank.taste import TasteSpace
from sightline.types import History

DAY = 86_400_000_000


def rows(*numbers):
    return np.array(numbers, np.int32)


def unit(vectors):
    vectors = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.maximum(lengths, np.float32(1e-6))).astype(np.float32)


def history(*picks, weights=None, days=None):
    """Picks, oldest first, of weight 1 and all at once unless told otherwise."""
    return History(
        rows(*picks),
        np.array(np.ones(len(picks)) if weights is None else weights, np.float32),
        (np.array(np.zeros(len(picks)) if days is None else days) * DAY).astype(np.int64),
    )


def profile(*picks, weights=None):
    weights = np.array(np.ones(len(picks)) if weights is None else weights, np.float32)
    return Profile(rows(*picks), weights, rows(*picks))


def space(vectors, presence=None, center=None):
    """A space of these vectors, of all items unless told otherwise, compared as they are."""
    vectors = np.asarray(vectors, np.float32)
    presence = np.ones(len(vectors), np.bool_) if presence is None else np.asarray(presence)
    center = np.zeros(vectors.shape[1]) if center is None else center
    kept = np.where(presence[:, None], vectors, np.float32(0))
    return Space(kept, presence, np.asarray(center, np.float32), fresh_index(kept, presence))


def taste_space(vectors, presence=None, crowding=None):
    of = space(vectors, presence)
    crowding = np.ones(len(of.vectors)) if crowding is None else crowding
    index = fresh_index(of.vectors, of.presence)
    return TasteSpace(of.vectors, of.presence, np.asarray(crowding, np.float32), index)


def quiet(n, *, facts=None, **known):
    """A catalogue of n items of which nothing is known but `facts` and the other fields given.

    All that have a place among the pictures have one of their own, unless the facts say otherwise.
    """
    nowhere = np.zeros((n, 0), np.float32), np.zeros(n, np.bool_)
    nobody = np.zeros((n, 0), np.int32)
    images = known.pop("images", space(*nowhere))
    silent = Catalogue(
        images=images,
        texts=space(*nowhere),
        neighbours=nobody,
        neighbour_scores=nobody.astype(np.float32),
        words=no_words(n),
        facts=_facts(n, {"has_picture": images.presence, **(facts or {})}),
        taste=taste_space(*nowhere),
    )
    return replace(silent, **known)


def company(n, together):
    """Neighbours by which each key is picked together with its values, for `quiet`."""
    widest = max(map(len, together.values()))
    neighbours = np.full((n, widest), -1, np.int32)
    scores = np.zeros((n, widest), np.float32)
    for row, others in together.items():
        neighbours[row, : len(others)] = list(others)
        scores[row, : len(others)] = list(others.values())
    return {"neighbours": neighbours, "neighbour_scores": scores}


def random_catalogue(n=30, dim=4, seed=0, present=0.8, neighbours=5, texts=0.0, text_dim=0):
    """A catalogue of which a little of everything is known, `present` the share with a picture."""
    rng = np.random.default_rng(seed)
    images = _random_space(n, dim, rng, present)
    categories = rng.integers(-1, 3, (n, 2)).astype(np.int32)
    return quiet(
        n,
        images=images,
        texts=_random_space(n, text_dim, rng, texts),
        neighbours=rng.integers(-1, n, (n, neighbours)).astype(np.int32),
        neighbour_scores=rng.uniform(-0.2, 1, (n, neighbours)).astype(np.float32),
        taste=taste_space(images.vectors, images.presence, rng.uniform(0.5, 5, n)),
        factors=SomeFactors(rng.standard_normal((n, 3)).astype(np.float32)),
        facts={
            "events": rng.integers(0, 20, n),
            "popularity": rng.random(n),
            "trend": rng.random(n),
            "newness": np.where(rng.random(n) < 0.8, rng.random(n), np.nan),
            "prices": np.where(rng.random(n) < 0.8, rng.uniform(0, 100, n), np.nan),
            "categories": categories,
            "palettes": rng.random((n, 3)) * images.presence[:, None],
        },
    )


class SomeFactors:
    """Likes items by their likeness to the sum of the picks."""

    def __init__(self, vectors):
        self.vectors = vectors

    def likings(self, rows, weights, pool):
        return self.vectors[pool] @ (weights @ self.vectors[rows])


@st.composite
def requests(draw, most=25):
    """A random catalogue, a history in it, how many results, and a filter or None."""
    n = draw(st.integers(1, most))
    picks = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n))
    weights = [draw(st.sampled_from([1.0, 5.0, -1.0])) for _ in picks]
    days = sorted(draw(st.sampled_from([0, 1, 90, 20_000])) for _ in picks)
    allowed = draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n))
    present = draw(st.sampled_from([0, 0.5, 1]))
    built = random_catalogue(n, seed=draw(st.integers(0, 99)), present=present)
    mask = None if allowed is None else np.array(allowed, np.bool_)
    past = history(*picks, weights=weights, days=days)
    return built, past, draw(st.integers(1, 30)), mask


def _facts(n, known):
    unknown = no_facts(n)
    typed = {
        name: np.asarray(values).astype(getattr(unknown, name).dtype)
        for name, values in known.items()
    }
    return Facts(**{**vars(unknown), **typed})


def _random_space(n, dim, rng, present):
    presence = rng.random(n) < present
    vectors = unit(rng.standard_normal((n, dim)))
    center = vectors[presence].mean(axis=0) if presence.any() else np.zeros(dim)
    return space(vectors, presence, center)
