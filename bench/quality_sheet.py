"""A contact sheet: pictures that no training has seen, each with its nearest, to be looked at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from quality_data import Sample
from quality_tasks import encode_pictures, views_of
from sightline.encode.base import ImageTower
from sightline.types import Vectors, View

__all__ = ["write_sheet"]

_QUERIES = 24
_NEIGHBOURS = 5
_COLUMNS = 2
"""Queries beside each other."""
_THUMBNAIL = View(112, "crop")
_LABEL_HEIGHT = 14
_GAP = 6
_LABEL_LENGTH = 18
"""Characters that fit under a thumbnail."""


def write_sheet(tower: ImageTower, sample: Sample, file: Path) -> None:
    """Write a JPEG or PNG of untrained pictures, spread over the classes, and their nearest.

    Neighbours are taken from the whole sample, which has one picture of each class: near is what
    is alike, never the same.
    """
    vectors = encode_pictures(sample.pictures, tower)
    rows = np.linspace(0, len(sample.unseen_rows) - 1, _QUERIES).round().astype(int)
    queries = [sample.unseen_rows[row] for row in np.unique(rows)]
    lines = [[query, *_nearest(vectors, query)] for query in queries]
    _drawn(sample, lines).save(file)


def _nearest(vectors: Vectors, row: int) -> list[int]:
    scores = vectors @ vectors[row]
    scores[row] = -np.inf
    return [int(other) for other in np.argsort(-scores, kind="stable")[:_NEIGHBOURS]]


def _drawn(sample: Sample, lines: Sequence[Sequence[int]]) -> Image.Image:
    """Lay out a line per query: the query, a gap, its neighbours."""
    step = _THUMBNAIL.side + _GAP
    high = _THUMBNAIL.side + _LABEL_HEIGHT + _GAP
    wide = (1 + _NEIGHBOURS) * step + 4 * _GAP
    down = -(-len(lines) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * wide, down * high + _GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        left, top = (number // down) * wide + _GAP, (number % down) * high + _GAP
        pixels = views_of([sample.pictures[row] for row in line], _THUMBNAIL)
        for place, row in enumerate(line):
            x = left + place * step + (2 * _GAP if place else 0)
            sheet.paste(Image.fromarray(pixels[place]), (x, top))
            label = sample.names[row][:_LABEL_LENGTH]
            pen.text((x, top + _THUMBNAIL.side + 1), label, fill="black" if place else "firebrick")
    return sheet
