"""Joins the build stages: from a model's config to an active generation, with status and report."""

import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np
import polars as pl

from .config import ModelConfig, without_passwords
from .encode.base import Encoder, TextTower
from .encode.names import MINI
from .encoders import Encoders
from .errors import StorageError
from .features.behaviour import derived_columns, popularity, trend
from .features.visual import visual_columns
from .features.words import WordIndex, WordTable, build_words
from .given import join_given
from .index.plan import fresh_index
from .label_set import LabelColumn
from .labels import column_entry, column_frame, judge_labels, refuse_unfit
from .learn.cooccurrence import picked_together
from .learn.evaluation import evaluate, users_to_judge
from .learn.interactions import Interactions, build_interactions, no_interactions
from .pictures import Looks, see_pictures
from .rank.catalogue import Catalogue, taste_vector
from .rank.fuse import top_rows
from .rank.labels import Judged
from .rank.people import People
from .rank.ranker import Ranker
from .rank.space import Space
from .snapshot import FrozenTables, write_snapshot
from .sources.connect import Binding
from .sources.roles import Role
from .sources.users import UserTable
from .store.generation import new_generation
from .store.home import Home
from .store.recipe import Recipe
from .store.status import State, Status, StatusWriter
from .tables import SourceTables, read_tables
from .texts import item_texts, read_texts
from .types import Modality, Rows

__all__ = ["build_model"]

_WORD_ROLES = {Role.TEXT, Role.CATEGORY, Role.LIST}
_LIBRARIES = ("sightline", "numpy", "numba", "polars", "duckdb", "pillow", "pillow-simd", "hnswlib")
_CUT_OFF = 10
_FEW = 20  # vectors of whose mean little can be said


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What the stages after FETCHING work on."""

    tables: SourceTables
    looks: Looks
    images: Modality
    texts: Modality
    given: Mapping[str, Any]
    """What the manifest says of vectors that were given rather than encoded."""
    user_ids: list[str]
    interactions: Interactions


def build_model(
    home: Home,
    config: ModelConfig,
    recipe: Recipe,
    *,
    encoders: Encoders,
    connections: Mapping[str, Binding],
    allow_hosts: Collection[str],
    listener: Callable[[Status], None],
) -> None:
    """Build the next generation of a model and make it the active one.

    Runs SCHEDULING, FETCHING, TUNING, TRAINING and DEPLOYING in the foreground. Whatever ends it
    early is kept in the status as ERROR; a generation that was active stays so. The caller holds
    the model's lock.

    Parameters
    ----------
    home, config
        Where, and what.
    recipe
        How it was asked for; takes the place of the earlier one when the build is active.
    encoders
        Where the encoder that the config names is opened.
    connections
        Bindings by connector id that the config itself does not have.
    allow_hosts
        Hosts on private addresses that pictures may be fetched from.
    listener
        Called with every change of status.

    Raises
    ------
    SightlineError
        With what is wrong and what to do.
    """
    folder = home.model(config.name)
    recipe.propose(folder)
    status = StatusWriter(folder, listener)
    try:
        _build(home, config, encoders, connections, allow_hosts, status)
    except BaseException as error:
        # A disk too full for the status must not hide why the build ended.
        with suppress(StorageError):
            status.fail(_reason(error))
        raise


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "the build was interrupted; what it fetched and encoded is kept"
    return str(error) or type(error).__name__


def _build(
    home: Home,
    config: ModelConfig,
    encoders: Encoders,
    connections: Mapping[str, Binding],
    allow_hosts: Collection[str],
    status: StatusWriter,
) -> None:
    status.stage(State.FETCHING)
    encoder = encoders.open(config.encoder or MINI, progress=status.progress)
    record = encoders.record(encoder)
    for column in config.labels:  # before the work of hours
        refuse_unfit(column.asked, record)
    inputs = _fetch(home, config, connections, allow_hosts, encoder, status)
    record["given"] = inputs.given
    judged = _judge(config.labels, record, encoder.texts, inputs, status)
    status.stage(State.TUNING)
    words = build_words(inputs.tables.items.frame, _word_columns(inputs.tables))
    content = _content(inputs.images, inputs.texts, words)
    metrics = _tune(inputs.interactions, content, status)
    status.stage(State.TRAINING)
    status.progress("behaviour")
    catalogue = _with_behaviour(content, inputs.interactions)
    status.progress("people")
    people = _people(catalogue, inputs.interactions)
    status.stage(State.DEPLOYING)
    with new_generation(home.model(config.name)) as writer:
        frozen = _frozen_tables(inputs, catalogue, judged)
        write_snapshot(writer, frozen, catalogue, words, inputs.interactions, people)
        labels = {column.name: column_entry(column, found) for column, found in judged.items()}
        writer.commit(_manifest(config, record, inputs, metrics, frozen, labels))
    Recipe.adopt(home.model(config.name))
    status.stage(State.ACTIVE)


def _fetch(
    home: Home,
    config: ModelConfig,
    connections: Mapping[str, Binding],
    allow_hosts: Collection[str],
    encoder: Encoder,
    status: StatusWriter,
) -> _Inputs:
    status.progress("tables")
    tables = read_tables(home, config, connections)
    looks = see_pictures(
        tables.items.frame,
        tables.items.image_columns,
        encoder.images,
        home=home,
        base_dir=config.base_dir,
        allow_hosts=allow_hosts,
        progress=status.progress,
    )
    reads_texts = not (config.has_file_names and encoder.is_joint)
    texts = _texts(home, tables, encoder.texts if reads_texts else None, status)
    images = Modality(looks.vectors, looks.presence)
    images, texts, given = join_given(
        tables.items.vectors, encoder, images, texts, is_named=config.encoder is not None
    )
    found = _Inputs(tables, looks, images, texts, given, [], no_interactions())
    if tables.events is None:
        return found
    user_ids, interactions = build_interactions(
        tables.events.frame,
        max_per_user=config.interaction_max_per_user,
        expiration_days=config.interaction_expiration_days,
    )
    return replace(found, user_ids=user_ids, interactions=interactions)


def _texts(
    home: Home, tables: SourceTables, tower: TextTower | None, status: StatusWriter
) -> Modality:
    items = tables.items.frame
    if tower is None:
        return Modality(np.zeros((items.height, 0), np.float32), np.zeros(items.height, np.bool_))
    texts = item_texts(items, _word_columns(tables)).to_list()
    return read_texts(texts, tower, home=home, progress=status.progress)


def _judge(
    columns: Sequence[LabelColumn],
    record: Mapping[str, Any],
    tower: TextTower | None,
    inputs: _Inputs,
    status: StatusWriter,
) -> dict[LabelColumn, Judged]:
    judged: dict[LabelColumn, Judged] = {}
    for column in columns:
        status.progress("labels", len(judged), len(columns))
        refuse_unfit(column.asked, record)  # with what is known now of given vectors
        if tower is not None:
            judged[column] = judge_labels(
                column.asked, record, tower, images=inputs.images, texts=inputs.texts
            )
    return judged


def _tune(interactions: Interactions, content: Catalogue, status: StatusWriter) -> dict[str, Any]:
    """Judge the ranking on what people picked last, beside ranking by popularity alone."""
    earlier, later = interactions.split_by_time()
    users = users_to_judge(later, n_items=len(content))
    if not users:
        return {"note": "not measured: no user has the five events that a held-out part needs"}
    catalogue = _with_behaviour(content, earlier)
    ranker = Ranker(catalogue)
    popular = popularity(earlier.rows, earlier.weights, len(catalogue))

    def personal(user: int, k: int) -> Rows:
        return ranker.for_person(earlier[user], k).rows

    def most_popular(user: int, k: int) -> Rows:
        unseen = np.ones(len(catalogue), np.bool_)
        unseen[earlier[user].rows] = False
        return top_rows(popular, k, unseen)

    def judge(step: str, rank: Callable[[int, int], Rows]) -> dict[str, float]:
        progress = partial(status.progress, step)
        metrics = evaluate(
            rank, later, users, n_items=len(catalogue), k=_CUT_OFF, progress=progress
        )
        return metrics.to_dict()

    judged = {
        "personal": judge("held-out ranking", personal),
        "popularity": judge("held-out popularity", most_popular),
    }
    return {"split": "last fifth of every user's events, by time", **judged}


def _content(images: Modality, texts: Modality, words: WordTable) -> Catalogue:
    """Build the catalogue of pictures and words alone: nobody has done anything in it yet."""
    n_items = len(images.presence)
    rows_of_words = {word: row for row, word in enumerate(words.vocabulary)}
    return Catalogue(
        images=_space(images),
        texts=_space(texts),
        neighbours=np.zeros((n_items, 0), np.int32),
        neighbour_scores=np.zeros((n_items, 0), np.float32),
        trend=np.zeros(n_items, np.float32),
        words=WordIndex(words, rows_of_words.get),
    )


def _space(modality: Modality) -> Space:
    vectors, presence = modality.vectors, modality.presence
    total = vectors.sum(axis=0, dtype=np.float64)  # rows of what is absent are zero
    # Of a few vectors the mean says little of what all share: it is drawn towards nothing.
    center = (total / (np.count_nonzero(presence) + _FEW)).astype(np.float32)
    return Space(vectors, presence, center, fresh_index(vectors, presence))


def _with_behaviour(content: Catalogue, interactions: Interactions) -> Catalogue:
    n_items = len(content)
    neighbours, scores = picked_together(interactions, n_items)
    trending = trend(interactions.rows, interactions.weights, interactions.times, n_items)
    return replace(content, neighbours=neighbours, neighbour_scores=scores, trend=trending)


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


def _frozen_tables(
    inputs: _Inputs, catalogue: Catalogue, judged: Mapping[LabelColumn, Judged]
) -> FrozenTables:
    items, interactions = inputs.tables.items, inputs.interactions
    events = inputs.tables.events
    event_rows = np.zeros(0, np.int32) if events is None else events.frame["item_row"].to_numpy()
    labels = [column_frame(column, found) for column, found in judged.items()]
    shown = pl.concat([items.frame.drop(pl.selectors.binary()), *labels], how="horizontal")
    popular = popularity(interactions.rows, interactions.weights, len(catalogue))
    extra = pl.concat(
        [
            visual_columns(inputs.looks.measures, inputs.looks.presence),
            derived_columns(event_rows, popular, catalogue.trend),
        ],
        how="horizontal",
    )
    # What the shop itself names wins: one that has a `brightness` means its own.
    extra = extra.select([column for column in extra.columns if column not in shown.columns])
    columns = pl.concat([shown, extra], how="horizontal")
    users = _describe_users(inputs.user_ids, inputs.tables.users)
    return FrozenTables(items.ids, shown, columns, inputs.user_ids, users)


def _describe_users(user_ids: Sequence[str], described: UserTable | None) -> pl.DataFrame:
    """One row per user of the events, with the columns of `fetch.users` where it has them."""
    name = "user_id" if described is None else described.id_column
    users = pl.DataFrame({name: user_ids}, schema={name: pl.String})
    if described is None:
        return users
    return users.join(described.frame, on=name, how="left", maintain_order="left")


def _word_columns(tables: SourceTables) -> list[str]:
    roles = tables.items.roles
    return [column for column, role in roles.items() if role in _WORD_ROLES]


def _manifest(
    config: ModelConfig,
    encoder: Mapping[str, Any],
    inputs: _Inputs,
    metrics: dict[str, Any],
    frozen: FrozenTables,
    labels: dict[str, Any],
) -> dict[str, Any]:
    tables = inputs.tables
    return {
        "model_name": config.name,
        "description": config.description,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": without_passwords(config.document),
        "limit": config.limit,
        "encoder": encoder,
        "versions": _versions(),
        "counts": {
            "items": len(frozen.item_ids),
            "items_with_picture": int(inputs.looks.presence.sum()),
            "items_with_text_vector": int(inputs.texts.presence.sum()),
            "events": 0 if tables.events is None else tables.events.frame.height,
            "users": len(frozen.user_ids),
        },
        "tables": tables.reports(),
        "coverage": inputs.looks.coverage.to_dict(),
        "metrics": metrics,
        "labels": labels,
        "model_schema": {
            "item": {column: str(role) for column, role in tables.items.roles.items()},
            "filter_columns": {name: str(dtype) for name, dtype in frozen.columns.schema.items()},
        },
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        with suppress(metadata.PackageNotFoundError):  # of pillow and pillow-simd there is one
            versions[name] = metadata.version(name)
    return versions
