"""Joins what was learnt with what it was learnt of: writes a generation, and makes it active."""

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .config import ModelConfig, without_passwords
from .features.words import WordTable
from .freezing import frozen_tables
from .images.coverage import coverage_of
from .indexing import Carried
from .inputs import Inputs
from .label_set import LabelColumn
from .labels import column_entry
from .learn.interactions import Interactions
from .learning import Content, Lesson
from .lexicon import build_lexicon
from .newcomers import NewcomerModel
from .rank.catalogue import Baskets, Catalogue, taste_vector
from .rank.labels import Judged
from .rank.people import People
from .scoring import FittedPolicy
from .snapshot import Frozen, FrozenTables, write_snapshot
from .store.generation import new_generation
from .store.hidden import HiddenItems
from .store.home import Home
from .store.status import StatusWriter
from .tables import SourceTables

__all__ = ["Learnt", "deploy", "label_entries", "tables_of", "write_hidden"]

_LIBRARIES = ("sightline", "numpy", "numba", "polars", "duckdb", "pillow", "pillow-simd", "hnswlib")


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a generation knows beyond its tables."""

    content: Content
    words: WordTable
    lesson: Lesson
    policy: FittedPolicy
    newcomers: NewcomerModel | None
    baskets: Baskets | None
    metrics: Mapping[str, Any]
    """How the ranking was judged."""


def tables_of(inputs: Inputs, lesson: Lesson, judged: Mapping[LabelColumn, Judged]) -> FrozenTables:
    """Return the tables of a generation."""
    return frozen_tables(
        inputs.tables,
        inputs.looks,
        inputs.user_ids,
        inputs.interactions,
        lesson.catalogue.facts.trend,
        judged,
    )


def label_entries(judged: Mapping[LabelColumn, Judged]) -> dict[str, Any]:
    """Return what the manifest says of the label columns."""
    return {column.name: column_entry(column, found) for column, found in judged.items()}


def deploy(
    home: Home,
    config: ModelConfig,
    encoder: Mapping[str, Any],
    inputs: Inputs,
    learnt: Learnt,
    tables: FrozenTables,
    labels: Mapping[str, Any],
    status: StatusWriter,
    *,
    carried: Carried | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Write the next generation of a model, and make it the active one.

    Parameters
    ----------
    home, config
        Where, and what.
    encoder
        What the manifest keeps of the encoder.
    inputs, learnt, tables, labels
        What it is made of, see `tables_of` and `label_entries`.
    status
        Is told what is under way.
    carried
        The generation that indexes are carried over from; None builds them.
    about
        What the manifest says in place of what it would, by key.
    """
    items = inputs.tables.items
    status.progress("people")
    frozen = Frozen(
        tables,
        learnt.lesson,
        learnt.words,
        build_lexicon(items.frame, items.roles, items.ids),
        inputs.interactions,
        learnt.content.pairs,
        _people(learnt.lesson.catalogue, inputs.interactions),
        learnt.policy,
        learnt.newcomers,
        learnt.baskets,
    )
    status.progress("indexes")
    with new_generation(home.model(config.name)) as writer:
        indexed = write_snapshot(writer, frozen, config.index.vectors, carried=carried)
        write_hidden(writer.folder, inputs.tables)
        manifest = _manifest(config, encoder, inputs, learnt.metrics, frozen, labels)
        writer.commit({**manifest, "index": indexed, **(about or {})})


def _people(catalogue: Catalogue, interactions: Interactions) -> People:
    tastes = np.zeros((len(interactions), catalogue.images.dim), np.float32)
    has_taste = np.zeros(len(interactions), np.bool_)
    picks = np.zeros(len(interactions), np.int64)
    for user, history in enumerate(interactions):
        picks[user] = np.count_nonzero(history.weights > 0)
        taste = taste_vector(catalogue, history)
        if taste is not None:
            tastes[user], has_taste[user] = taste, True
    fan_offsets, fans = interactions.fans(len(catalogue))
    return People(fan_offsets, fans, picks, tastes, has_taste)


def write_hidden(folder: Path, tables: SourceTables) -> None:
    """Write what is not to be shown to some, or to anybody."""
    if (of_all := tables.hidden_from_all) is not None:
        HiddenItems.write_from_all(folder, of_all.rows)
    if (some := tables.hidden_from_some) is not None:
        HiddenItems.write_from_some(folder, some.user_ids, some.offsets, some.rows)


def _manifest(
    config: ModelConfig,
    encoder: Mapping[str, Any],
    inputs: Inputs,
    metrics: Mapping[str, Any],
    frozen: Frozen,
    labels: Mapping[str, Any],
) -> dict[str, Any]:
    tables = inputs.tables
    places = frozen.lesson.catalogue.images.presence
    return {
        "model_name": config.name,
        "description": config.description,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": without_passwords(config.document),
        "limit": config.limit,
        "policy": frozen.policy.record,
        "learned": frozen.lesson.report,
        "newcomers": None if frozen.newcomers is None else frozen.newcomers.record(),
        "inserted": {
            "until": tables.inserted_until,
            "timed": tables.events is None or tables.events.timed,
        },
        "encoder": encoder,
        "versions": _versions(),
        "counts": {
            "items": len(frozen.tables.item_ids),
            "items_with_picture": int(inputs.looks.presence.sum()),
            "items_with_stand_in": int(np.count_nonzero(places & ~inputs.images.presence)),
            "items_with_text_vector": int(inputs.texts.presence.sum()),
            "events": 0 if tables.events is None else tables.events.frame.height,
            "users": int(np.count_nonzero(np.diff(frozen.interactions.offsets))),
        },
        "tables": tables.reports(),
        "coverage": coverage_of(frozen.tables.pictures),
        "pipeline": inputs.looks.pipeline,
        "metrics": metrics,
        "labels": labels,
        "model_schema": {
            "item": {column: str(role) for column, role in tables.items.roles.items()},
            "filter_columns": {
                name: str(dtype) for name, dtype in frozen.tables.columns.schema.items()
            },
        },
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):  # of pillow and pillow-simd there is one
            versions[name] = metadata.version(name)
    return versions
