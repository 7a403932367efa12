"""Which of a few labels fits an item: probabilities from vectors alone, without training.

An encoder of pictures and words is a classifier for labels nobody trained it on: the label whose
words lie nearest to the picture wins. CLIP (Radford et al., "Learning Transferable Visual Models
From Natural Language Supervision", ICML 2021) was trained to pick one caption of many, by a softmax
over scaled cosines; SigLIP (Zhai et al., "Sigmoid Loss for Language Image Pre-Training", ICCV 2023)
to say of one picture and one caption whether they belong together, by a sigmoid with a bias.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..half import blocks
from ..types import Mask, Places, Rows, Scores, Vectors

__all__ = ["CLIP_SCALE", "Judged", "Loss", "judge", "label_vectors"]

CLIP_SCALE = 100.0
"""What CLIP's cosines are multiplied by: its training ran into this limit and stayed there."""

_FEWEST = 20
"""Vectors of each kind that it takes to know how their cosines are spread; of fewer, the cosines of
texts are taken as they are."""
_LEAST_SPREAD = 1e-4
"""Deviation below which cosines are all the same but for rounding."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How an encoder was trained, and so how its cosines become probabilities.

    With a `bias` the labels are judged one by one, as by SigLIP; with None against one another.
    """

    scale: float = CLIP_SCALE
    bias: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Probabilities of labels.

    `probabilities`, shape (n, l), float32, NaN in the rows of items that nobody can judge. Rows sum
    to one unless labels are judged one by one. `by_image` and `by_text`, shape (n,), say what an
    item was judged by; never both.
    """

    probabilities: NDArray[np.float32]
    by_image: Mask
    by_text: Mask

    @property
    def best(self) -> Rows:
        """Place of the likeliest label of every item, shape (n,); 0 where there is none."""
        best: Rows = np.nan_to_num(self.probabilities, nan=-1).argmax(axis=1).astype(np.int32)
        return best

    @property
    def certainty(self) -> Scores:
        """Probability of the likeliest label, shape (n,); NaN where there is none."""
        certainty: Scores = self.probabilities.max(axis=1)
        return certainty


def label_vectors(prompts: Vectors, n_labels: int) -> Vectors:
    """Return one unit vector per label: the direction of the mean of those of its prompts.

    Parameters
    ----------
    prompts
        Unit vectors, shape (n_labels * t, d): of every label in turn, all t templates.
    n_labels
        How many labels there are.
    """
    means = prompts.reshape(n_labels, -1, prompts.shape[1]).mean(axis=1)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    unit: Vectors = means / np.maximum(lengths, np.float32(1e-6))
    return unit


def judge(images: Places, texts: Places, labels: Vectors, loss: Loss = Loss()) -> Judged:
    """Judge every item by its picture, else by its words, else not at all.

    Cosines between texts are larger than those between a text and a picture, and spread otherwise
    (Liang et al., "Mind the gap", NeurIPS 2022), so those of an item without a picture are first
    brought to the scale of the others, label by label: what stands as far above the mean of the
    catalogue's texts counts as a picture that stands as far above the mean of its pictures.

    Parameters
    ----------
    images, texts
        Vectors of the whole catalogue, because what is usual in it has a say; present only where
        they lie in the space of the labels.
    labels
        Unit vectors, shape (l, d).
    loss
        What makes probabilities of cosines.
    """
    by_image = np.asarray(images.presence)
    by_text = np.asarray(texts.presence) & ~by_image
    cosines = np.full((len(by_image), len(labels)), np.nan, np.float32)
    seen = _cosines(images, labels)
    cosines[by_image] = seen
    if by_text.any():
        read = _cosines(texts, labels)
        if min(len(seen), len(read)) >= _FEWEST:
            read = _as_pictures(read, seen)
        cosines[by_text] = read[by_text[texts.presence]]
    return Judged(_probabilities(cosines, loss), by_image, by_text)


def _cosines(places: Places, labels: Vectors) -> NDArray[np.float32]:
    """Return the cosines of the p items that have a vector, shape (p, l)."""
    if not places.presence.any():
        return np.zeros((0, len(labels)), np.float32)
    # Of all rows, absent ones too: a copy of the others could be as large as the catalogue.
    cosines = np.empty((len(places.presence), len(labels)), np.float32)
    for rows, part in blocks(places.vectors):
        np.matmul(part, labels.T, out=cosines[rows])
    return cosines[places.presence]


def _as_pictures(read: NDArray[np.float32], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give cosines of texts, shape (p, l), the mean and deviation of those of pictures, (m, l)."""
    spread = np.maximum(read.std(axis=0), np.float32(_LEAST_SPREAD))
    standing = (read - read.mean(axis=0)) / spread
    moved: NDArray[np.float32] = seen.mean(axis=0) + standing * seen.std(axis=0)
    return moved


def _probabilities(cosines: NDArray[np.float32], loss: Loss) -> NDArray[np.float32]:
    logits = cosines.astype(np.float64) * loss.scale
    if loss.bias is not None:
        one_by_one: NDArray[np.float32] = (1 / (1 + np.exp(-logits - loss.bias))).astype(np.float32)
        return one_by_one
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares
