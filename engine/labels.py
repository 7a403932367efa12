"""Joins labels with the encoder of a model and its items: probabilities, and columns of them."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .encode.base import TextTower
from .errors import LabelError, UnsupportedError
from .label_set import LabelColumn, LabelSet
from .probes import spaces_reached
from .rank.labels import CLIP_SCALE, Judged, Loss, judge, label_vectors
from .rank.response import LabelResponse
from .types import Places, Rows

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "column_entry",
    "column_frame",
    "judge_labels",
    "label_response",
    "notes_on",
    "refuse_unfit",
]

_REMEDY = (
    "build the model again with an encoder of words and pictures: `--encoder sightline-mini`, or a "
    "CLIP such as openai/clip-vit-base-patch32"
)


def refuse_unfit(asked: LabelSet, record: Mapping[str, Any]) -> None:
    """Refuse labels that the encoder of a model cannot judge its items by.

    Parameters
    ----------
    asked
        The labels.
    record
        What the manifest says of the encoder, and of vectors that were given.

    Raises
    ------
    UnsupportedError
        If it reads no text, or no vectors of the items are in its space.
    LabelError
        If there is one label only and nothing to hold it against.
    """
    if record["texts"] is None:
        message = f"encoder {record['name']!r} has no text tower to read labels with: {_REMEDY}"
        raise UnsupportedError(message)
    if not spaces_reached(record, "texts"):
        columns = " and ".join(repr(given["column"]) for given in record["given"].values())
        message = (
            f"the vectors of this model were given (column {columns}), so labels cannot be "
            "compared with them; name the encoder that they come from as language_model_name, or "
            f"{_REMEDY}"
        )
        raise UnsupportedError(message)
    if len(asked.labels) == 1 and _loss(record).bias is None:
        message = (
            f"{asked.labels[0]!r} is the only label, and encoder {record['name']!r} holds labels "
            "against one another: its probability would be 1 for every item. Give what it could be "
            "instead, such as 'something else'"
        )
        raise LabelError(message)


def judge_labels(
    asked: LabelSet,
    record: Mapping[str, Any],
    tower: TextTower,
    *,
    images: Places,
    texts: Places,
) -> Judged:
    """Judge all items of a catalogue by labels that are not `refuse_unfit`.

    Parameters
    ----------
    asked, record
        As of `refuse_unfit`.
    tower
        The encoder's, for texts.
    images, texts
        The vectors of the catalogue.
    """
    spaces = spaces_reached(record, "texts")
    prompts = tower.encode(asked.prompts())
    return judge(
        images if "images" in spaces else _nothing_of(images),
        texts if "texts" in spaces else _nothing_of(texts),
        label_vectors(prompts, len(asked.labels)),
        _loss(record),
    )


def notes_on(record: Mapping[str, Any], *, by_text: int, by_nothing: int) -> list[str]:
    """Say what is to be known of probabilities: how they were made, and of how many items not so.

    Parameters
    ----------
    record
        As of `refuse_unfit`.
    by_text, by_nothing
        How many items were judged by their words, and how many were not.
    """
    notes = []
    if _loss(record).bias is not None:
        notes.append("labels are judged one by one: probabilities need not add up to 1")
    elif record.get("logit_scale") is None:
        notes.append(
            f"encoder {record['name']!r} does not say what it scales cosines by: "
            f"CLIP's {CLIP_SCALE:.0f} was taken"
        )
    if by_text:
        notes.append(f"items judged by their words: {by_text:,}")
    if by_nothing:
        notes.append(f"items with nothing to judge them by, and no probabilities: {by_nothing:,}")
    return notes


def label_response(
    asked: LabelSet,
    judged: Judged,
    rows: Rows,
    *,
    ids: Sequence[str],
    metadata: list[dict[str, Any]] | None,
    notes: Sequence[str],
) -> LabelResponse:
    """Return what was judged of the items `rows`, shape (m,), whose ids and metadata are given."""
    exact = judged.probabilities[rows].astype(np.float64)
    probabilities = [None if math.isnan(row[0]) else row for row in exact.round(6).tolist()]
    places = judged.best[rows].tolist()
    answers = list(zip(probabilities, places, strict=True))
    return LabelResponse(
        ids=list(ids),
        best=[None if row is None else asked.labels[place] for row, place in answers],
        scores=[None if row is None else row[place] for row, place in answers],
        labels=list(asked.labels),
        probabilities=probabilities,
        judged_by=[
            "image" if seen else "text" if read else None
            for seen, read in zip(judged.by_image[rows], judged.by_text[rows], strict=True)
        ],
        metadata=metadata,
        notes=list(notes),
    )


def column_frame(column: LabelColumn, judged: Judged) -> "pl.DataFrame":
    """Return the two columns of a label column, one row per item, null where nobody can judge.

    The label is a String, its probability Float32.
    """
    import polars as pl

    label, probability = column.names
    frame = pl.DataFrame(
        {
            label: pl.Series(column.asked.labels, dtype=pl.String).gather(judged.best),
            probability: pl.Series(judged.certainty, nan_to_null=True, dtype=pl.Float32),
        }
    )
    known = pl.col(probability).is_not_null()
    return frame.with_columns(pl.when(known).then(pl.col(label)).alias(label))


def column_entry(column: LabelColumn, judged: Judged) -> dict[str, Any]:
    """Return what the manifest keeps of a label column: how to make it again, and what it is of."""
    by_image, by_text = int(judged.by_image.sum()), int(judged.by_text.sum())
    return {
        "labels": list(column.asked.labels),
        "templates": list(column.asked.templates),
        "judged_by": {
            "image": by_image,
            "text": by_text,
            "nothing": len(judged.by_image) - by_image - by_text,
        },
    }


def _loss(record: Mapping[str, Any]) -> Loss:
    """Read how the encoder was trained; generations of before it was noted do not say."""
    scale, bias = record.get("logit_scale"), record.get("logit_bias")
    return Loss(CLIP_SCALE if scale is None else float(scale), bias)


def _nothing_of(places: Places) -> Places:
    return Places(places.vectors, np.zeros(len(places.presence), np.bool_))
