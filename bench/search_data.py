"""Vectors that search is measured on: drawn in clusters, and the bundled encoder's own of pictures.

Drawn ones lie as those of a shop do: groups hold clusters, some a hundred times as large as others,
items vary along a few directions that all share, and a little in all; and all vectors lean one
way, as those of encoders do. Queries are further items of the same draw.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from quality_tasks import encode_pictures, joint_texts
from sightline.encode.device import Compute
from sightline.encoders import Encoders
from sightline.store.home import Home
from sightline.types import Mask, Vectors

__all__ = ["PICTURES", "SHARES", "World", "drawn_world", "masks", "picture_worlds"]

QUERIES = 1_000
PICTURES = "pictures by pictures"
SHARES = (0.5, 0.1, 0.01, 0.001)
_GROUPS, _CLUSTERS = 50, 1_000
_DIRECTIONS = 24
_PICTURES = ("fashion", "flickr8k", "grocery", "clothing", "movielens_posters", "tiny_imagenet")
_BLOCK = 20_000


@dataclass(frozen=True, slots=True)
class World:
    """Unit vectors to search in, shape (n, d), and to search with, shape (q, d)."""

    name: str
    vectors: Vectors
    queries: Vectors


def drawn_world(count: int, dim: int, *, queries: int = QUERIES, seed: int = 0) -> World:
    """Draw items and queries in clusters; see the module."""
    rng = np.random.default_rng(seed)
    lean = _normal(rng, dim)
    groups = _normal(rng, _GROUPS, dim)
    centers = groups[rng.integers(0, _GROUPS, _CLUSTERS)] + _normal(rng, _CLUSTERS, dim)
    sizes = rng.pareto(1.5, _CLUSTERS) + 0.25
    directions = _normal(rng, _DIRECTIONS, dim) / np.float32(_DIRECTIONS**0.5)
    vectors = np.empty((count + queries, dim), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        cluster = rng.choice(_CLUSTERS, len(block), p=sizes / sizes.sum())
        block[:] = lean + np.float32(0.6) * centers[cluster]
        block += _normal(rng, len(block), _DIRECTIONS) @ directions
        block += np.float32(0.4) * _normal(rng, len(block), dim)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return World(f"drawn {count} x {dim}", vectors[:count], vectors[count:])


def picture_worlds(data: Path) -> Iterator[World]:
    """Encode the development data's pictures; search by pictures left out, and by captions."""
    encoder = Encoders(Home(), Compute.chosen("cpu")).open("sightline-mini")
    tables = [pl.read_parquet(data / f"{name}.parquet", columns=["image"]) for name in _PICTURES]
    pictures = [body for table in tables for body in table["image"].to_list()]
    vectors = encode_pictures(pictures, encoder.images)
    is_query = np.zeros(len(vectors), np.bool_)
    is_query[np.random.default_rng(0).choice(len(vectors), QUERIES, replace=False)] = True
    yield World(PICTURES, vectors[~is_query], vectors[is_query])
    texts = joint_texts(encoder)
    if texts is not None:
        captions = pl.read_parquet(data / "flickr8k.parquet", columns=["captions"])["captions"]
        asked = texts.encode(captions.list.first().sample(QUERIES, seed=0).to_list())
        yield World("pictures by words", vectors[~is_query], asked)


def masks(vectors: Vectors, share: float, *, seed: int = 0) -> dict[str, Mask]:
    """Return masks that let pass a share of the rows, each by the way it falls.

    ``random`` ones fall anywhere, ``alike`` ones keep the rows nearest to one of them, as filters
    by category do: most queries then lie far from all that passes.
    """
    rng = np.random.default_rng(seed)
    passing = max(1, round(share * len(vectors)))
    nearness = vectors @ vectors[rng.integers(len(vectors))]
    alike = np.zeros(len(vectors), np.bool_)
    alike[np.argpartition(-nearness, passing - 1)[:passing]] = True
    random = np.zeros(len(vectors), np.bool_)
    random[rng.choice(len(vectors), passing, replace=False)] = True
    return {"random": random, "alike": alike}


def _normal(rng: np.random.Generator, *shape: int) -> NDArray[np.float32]:
    return rng.standard_normal(shape, np.float32)
