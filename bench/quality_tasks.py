"""What an encoder gets right: photos by captions, labels by prompts, neighbours, a drawn shop."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from quality_data import Captioned, Labelled, Tables
from quality_measures import (
    Estimate,
    estimate,
    first_right_ranks,
    is_majority,
    mean_direction,
    neighbour_precision,
    top_k_precision,
    within,
)
from quality_shop import DrawnShop
from sightline.encode.base import Encoder, ImageTower, TextTower
from sightline.encode.device import Compute, thread_count
from sightline.images.codec import decode
from sightline.images.limits import MAX_PIXELS
from sightline.types import Pixels, Vectors, View

__all__ = [
    "drawn_shop",
    "encode_pictures",
    "neighbours",
    "prompts",
    "retrieval",
    "unseen_yardsticks",
    "views_of",
]

TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "a product photo of {}")
COLOUR_PHRASES = ("something {}", "a {} item")
_UNSEEN_K = 5
_DRAWN_K = 10
_BATCH = 64
_TEACHER_VIEW = View(224)
_SMALL_VIEW = View(12, resample="bilinear")


def retrieval(encoder: Encoder, captioned: Captioned, prefix: str) -> dict[str, Estimate]:
    """Find photos by their captions and captions by their photos; none without words.

    Intervals are over photos, each drawn with all its captions. `prefix` begins every name.
    """
    texts = joint_texts(encoder)
    if texts is None:
        return {}
    photos = encode_pictures(captioned.pictures, encoder.images)
    captions = texts.encode(captioned.captions)
    own = np.arange(len(photos))
    photo_of = captioned.picture_of
    ranks = {
        "t2i": (first_right_ranks(captions, photo_of, photos, own), photo_of),
        "i2t": (first_right_ranks(photos, own, captions, photo_of), None),
    }
    figures = {}
    for way, (rank, groups) in ranks.items():
        for k in (1, 5, 10):
            figures[f"{prefix}{way}_r{k}"] = estimate(within(rank, k), groups=groups)
        figures[f"{prefix}{way}_median_rank"] = estimate(rank, np.median, groups=groups)
    return figures


def prompts(encoder: Encoder, tables: Tables) -> dict[str, Estimate]:
    """Tell labels from pictures by prompts alone; none without words.

    Beside each accuracy stands what always giving the most frequent label would get.
    """
    texts = joint_texts(encoder)
    if texts is None:
        return {}
    figures = {}
    for name, (asked, phrases) in _prompted(tables).items():
        vectors = encode_pictures(asked.pictures, encoder.images)
        labels = np.unique(asked.labels)
        known = np.stack([_prompt(texts, str(label), phrases) for label in labels])
        is_right = asked.labels[:, None] == labels
        figures[f"{name}_acc"] = estimate(top_k_precision(vectors @ known.T, is_right, 1))
        figures[f"{name}_majority"] = estimate(is_majority(asked.labels))
    return figures


def drawn_shop(encoder: Encoder, shop: DrawnShop) -> dict[str, Estimate]:
    """Ask the drawn shop for colour, pattern and kind at once; none without words."""
    texts = joint_texts(encoder)
    if texts is None:
        return {}
    scores = texts.encode(shop.queries) @ encode_pictures(shop.pictures, encoder.images).T
    shares = top_k_precision(scores, shop.is_right, _DRAWN_K)
    return {
        f"drawn_p{_DRAWN_K}": estimate(shares),
        f"drawn_unseen_p{_DRAWN_K}": estimate(shares[shop.is_unseen]),
    }


def neighbours(encoder: Encoder, tables: Tables) -> dict[str, Estimate]:
    """Find by a picture those of the same label: groceries seen, and classes never seen."""
    tested, trained = tables.grocery("test"), tables.grocery("train")
    gallery = encode_pictures(trained.pictures, encoder.images), trained.labels
    vectors = encode_pictures(tested.pictures, encoder.images)
    grocery = neighbour_precision(vectors, tested.labels, 1, gallery=gallery)
    unseen = tables.unseen_classes()
    vectors = encode_pictures(unseen.pictures, encoder.images)
    return {
        "grocery_nn_top1": estimate(grocery),
        "grocery_nn_majority": estimate(is_majority(tested.labels)),
        f"unseen_p{_UNSEEN_K}": _unseen_precision(vectors, unseen),
    }


def unseen_yardsticks(tables: Tables, compute: Compute) -> dict[str, Estimate]:
    """Return what the teacher, and 12 x 12 raw pixels, make of the unseen classes.

    To the teacher they most likely are not unseen: pretrained networks of its kind know ImageNet.
    """
    unseen = tables.unseen_classes()
    teacher = np.concatenate(
        [*map(_teacher(tables.teacher, compute), _batches(unseen.pictures, _TEACHER_VIEW))]
    )
    small = np.concatenate([*_batches(unseen.pictures, _SMALL_VIEW)])
    pixels = small.reshape(len(small), -1).astype(np.float32) - 128
    return {
        f"unseen_p{_UNSEEN_K}_teacher": _unseen_precision(_unit(teacher), unseen),
        f"unseen_p{_UNSEEN_K}_pixels": _unseen_precision(_unit(pixels), unseen),
    }


def joint_texts(encoder: Encoder) -> TextTower | None:
    """Return the tower of words, where it shares a space with that of pictures."""
    return encoder.texts if encoder.is_joint else None


def encode_pictures(pictures: Sequence[bytes], tower: ImageTower) -> Vectors:
    """Encode pictures as a build does: decoded and fitted by the product, batch by batch."""
    return np.concatenate([tower.encode(batch) for batch in _batches(pictures, tower.view)])


def views_of(pictures: Sequence[bytes], view: View) -> Pixels:
    """Decode pictures into the squares of a view, shape (n, side, side, 3)."""
    return np.stack(
        [decode(content, views=[view], max_pixels=MAX_PIXELS).pixels[0] for content in pictures]
    )


def _batches(pictures: Sequence[bytes], view: View) -> Iterator[Pixels]:
    for start in range(0, len(pictures), _BATCH):
        yield views_of(pictures[start : start + _BATCH], view)


def _prompted(tables: Tables) -> Mapping[str, tuple[Labelled, tuple[str, ...]]]:
    """Return, by the name of the figure, pictures and the phrases that name their labels."""
    return {
        "fashion_article": (tables.fashion("article"), ("{}",)),
        "fashion_color": (tables.fashion("color"), COLOUR_PHRASES),
        "clothing": (tables.clothing(), ("{}",)),
    }


def _prompt(texts: TextTower, label: str, phrases: Sequence[str]) -> Vectors:
    """Return the one vector, shape (d,), of all the ways to name a label."""
    named = [phrase.format(label.lower()) for phrase in phrases]
    return mean_direction(
        texts.encode([template.format(name) for template in TEMPLATES for name in named])
    )


def _unseen_precision(vectors: Vectors, unseen: Labelled) -> Estimate:
    return estimate(neighbour_precision(vectors, unseen.labels, _UNSEEN_K))


def _teacher(graph: Path, compute: Compute) -> Callable[[Pixels], Vectors]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = thread_count(compute)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0].reshape(len(pixels), -1)


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit
