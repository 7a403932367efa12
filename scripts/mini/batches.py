"""What one step of training is given: rows, their texts, and their augmented pixels."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from .corpus import DRAWN, Corpus
from .teacher import SIDE as KEPT_SIDE
from .teacher import VIEWS
from .towers import SIDE
from .vocabulary import tokens
from .words import AXES

# Photos with captions teach words in sentences: they come up twice as often as there are such.
SHARES: Mapping[str, float] = {
    "flickr8k": 0.26,
    "fashion": 0.19,
    "grocery": 0.06,
    "clothing": 0.06,
    "tiny_imagenet": 0.34,
    "imagenet_sample": 0.02,
    DRAWN: 0.07,
}
POLISHING_SHARES: Mapping[str, float] = {
    "flickr8k": 0.24,
    "fashion": 0.32,
    "grocery": 0.05,
    "clothing": 0.14,
    "tiny_imagenet": 0.18,
    "imagenet_sample": 0.01,
    DRAWN: 0.06,
}
"""What people ask of a shop by looks, colours and kinds of clothes, has the last word."""
_GROUP = 16
"""Pictures that share a crop: one call of the resize for all of them."""
_SMALLEST = (96, 112)
"""Least side of a crop of 128 of the whole picture, and of the part, which is one already."""
_LIGHT = 0.08


@dataclass(frozen=True, slots=True)
class Wording:
    """Texts of a batch: ids (n, length), what they ask for (n, axes)."""

    ids: Tensor
    wanted: Tensor


class Rows:
    """Draws rows by source, each source shuffled and gone through before it starts again."""

    def __init__(
        self, corpus: Corpus, rng: np.random.Generator, shares: Mapping[str, float] = SHARES
    ) -> None:
        sources = np.array([example.source for example in corpus.examples])
        self._rng = rng
        self._shares = shares
        self._of = {name: np.flatnonzero(sources == name) for name in shares}
        self._left = {name: np.empty(0, np.intp) for name in shares}

    def mixed(self, size: int) -> NDArray[np.intp]:
        """Draw rows of every source, by its share."""
        counts = self._rng.multinomial(size, list(self._shares.values()))
        return np.concatenate(
            [self.single(name, n) for name, n in zip(self._shares, counts, strict=True)]
        )

    def any_source(self, size: int) -> NDArray[np.intp]:
        """Draw rows of one source, itself drawn by its share."""
        name = self._rng.choice(list(self._shares), p=list(self._shares.values()))
        return self.single(str(name), size)

    def single(self, name: str, size: int) -> NDArray[np.intp]:
        """Draw rows of one source."""
        size = min(size, len(self._of[name]))
        if len(self._left[name]) < size:
            self._left[name] = self._rng.permutation(self._of[name])
        drawn, self._left[name] = np.split(self._left[name], [size])
        return drawn


def wording(
    corpus: Corpus,
    attributes: NDArray[np.int64],
    rows: NDArray[np.intp],
    tokenizer: Tokenizer,
    rng: random.Random,
) -> Wording:
    """Write a text for each row."""
    phrases = [corpus.examples[row].phrase(rng) for row in rows]
    wanted = np.full((len(rows), 1 + len(AXES)), -1, np.int64)
    for number, (row, phrase) in enumerate(zip(rows, phrases, strict=True)):
        if phrase.axes:
            columns = [1 + AXES.index(axis) for axis in phrase.axes]
            wanted[number, columns] = attributes[row, columns]
        else:
            wanted[number, 0] = row
    ids = tokens(tokenizer, [phrase.text for phrase in phrases])
    return Wording(ids, torch.from_numpy(wanted))


def augmented(
    pixels: NDArray[np.uint8],
    rows: NDArray[np.intp],
    views: NDArray[np.intp],
    rng: np.random.Generator,
) -> Tensor:
    """Crop, flip and light the kept views: (n, 3, 96, 96), float32, 0..255, channels last.

    Rows must come in random order: the rows of a group share what chance decides.
    """
    parts = []
    for group in np.array_split(np.arange(len(rows)), max(1, len(rows) // _GROUP)):
        smallest = _SMALLEST[int(views[group[0]])]
        high, wide = rng.integers(smallest, KEPT_SIDE + 1, 2)
        top, left = rng.integers(0, KEPT_SIDE + 1 - high), rng.integers(0, KEPT_SIDE + 1 - wide)
        taken = pixels[rows[group], views[group]]
        taken = np.ascontiguousarray(taken[:, top : top + high, left : left + wide])
        part = torch.from_numpy(taken).permute(0, 3, 1, 2)
        if rng.random() < 0.5:
            part = part.flip(3).contiguous(memory_format=torch.channels_last)
        part = functional.interpolate(part, size=(SIDE, SIDE), mode="bilinear", antialias=True)
        contrast, light = 1 + rng.uniform(-_LIGHT, _LIGHT, 2)
        parts.append(((part.float() - 128) * contrast + 128 * light).clamp_(0, 255))
    return torch.cat(parts).contiguous(memory_format=torch.channels_last)


def draw_views(size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose a view for each row; groups that share a crop share the view."""
    groups = rng.integers(VIEWS, size=max(1, size // _GROUP))
    return np.repeat(groups, -(-size // len(groups)))[:size]
