"""Joins the build stages: from a model's config to an active generation, with status and report."""

import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from .config import ModelConfig, without_passwords
from .encode.base import Encoder, TextTower
from .encode.names import MINI
from .encoders import Encoders
from .errors import StorageError
from .features.facts import item_facts
from .features.visual import COLORS
from .features.words import WordIndex, WordTable, build_words
from .freezing import describe_users, frozen_baskets, frozen_tables
from .given import join_given
from .hiding import hidden_in_tables
from .images.coverage import coverage_of
from .label_set import LabelColumn
from .labels import column_entry, judge_labels, refuse_unfit
from .learn.interactions import Interactions, build_interactions, no_interactions
from .learn.splits import HELD_OUT, user_time_split
from .learning import Content, Learning, Lesson
from .lexicon import build_lexicon
from .newcomers import NewcomerModel, learn_newcomers
from .pictures import Looks, see_pictures
from .rank.catalogue import Catalogue, taste_vector
from .rank.labels import Judged
from .rank.people import People
from .rank.value_model import compile_value_model
from .scoring import check_policy, prior_policy
from .snapshot import Frozen, write_snapshot
from .sources.connect import Binding
from .sources.pairs import PairTable
from .sources.roles import Role
from .stand_ins import refuse_unfit_stand_ins, stand_ins
from .store.generation import new_generation
from .store.hidden import HiddenItems
from .store.home import Home
from .store.recipe import Recipe
from .store.status import State, Status, StatusWriter
from .tables import SourceTables, read_tables
from .texts import item_texts, read_texts
from .trial import Trial, run_trial
from .types import Modality, Pairs

__all__ = ["build_model"]

_WORD_ROLES = {Role.TEXT, Role.CATEGORY, Role.LIST}
_LIBRARIES = ("sightline", "numpy", "numba", "polars", "duckdb", "pillow", "pillow-simd", "hnswlib")


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
    check_policy(config.policies.scoring)  # before the work of hours
    if config.inference.value_model is not None:
        compile_value_model(config.inference.value_model)
    for column in config.labels:
        refuse_unfit(column.asked, record)
    refuse_unfit_stand_ins(config.images, record)
    inputs = _fetch(home, config, connections, allow_hosts, encoder, status)
    record["given"] = inputs.given
    refuse_unfit_stand_ins(config.images, record)  # with what is known now of given vectors
    judged = _judge(config.labels, record, encoder.texts, inputs, status)
    status.stage(State.TUNING)
    words = build_words(inputs.tables.items.frame, _word_columns(inputs.tables))
    content = _content(inputs, words, config.images.missing)
    learning = Learning(
        config.policies, config.interaction_half_life_days, threads=encoders.compute.cores
    )
    trial, metrics = _tune(learning, content, inputs, status)
    policy = prior_policy(config.policies.scoring) if trial is None else trial.policy
    status.stage(State.TRAINING)
    known = None if trial is None else trial.lesson
    lesson = learning.of(content, inputs.interactions, status.progress, like=known)
    status.progress("people")
    people = _people(lesson.catalogue, inputs.interactions)
    newcomers = _newcomers(inputs, lesson)
    status.stage(State.DEPLOYING)
    items = inputs.tables.items
    with new_generation(home.model(config.name)) as writer:
        tables = frozen_tables(
            inputs.tables,
            inputs.looks,
            inputs.user_ids,
            inputs.interactions,
            lesson.catalogue.facts.trend,
            judged,
        )
        frozen = Frozen(
            tables,
            lesson,
            words,
            build_lexicon(items.frame, items.roles, items.ids),
            inputs.interactions,
            content.pairs,
            people,
            policy,
            newcomers,
            frozen_baskets(inputs.tables, config, lesson.collaborative, learning.threads),
        )
        indexed = write_snapshot(writer, frozen, config.index.vectors)
        _write_hidden(writer.folder, inputs.tables)
        labels = {column.name: column_entry(column, found) for column, found in judged.items()}
        about = _manifest(config, record, inputs, metrics, frozen, labels)
        about["index"] = indexed
        writer.commit(about)
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
        without_placeholders=config.images.placeholders == "missing",
        titles=item_texts(tables.items.frame, _word_columns(tables)).to_list(),
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
    if tables.users is not None:  # those who did nothing yet are known by their features
        known = set(user_ids)
        strangers = [user for user in tables.users.ids if user not in known]
        user_ids = [*user_ids, *strangers]
        interactions = interactions.with_strangers(len(strangers))
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


def _tune(
    learning: Learning, content: Content, inputs: _Inputs, status: StatusWriter
) -> tuple[Trial | None, dict[str, Any]]:
    """Learn the policy, and judge the ranking on what people picked last, beside popularity."""
    earlier, later = user_time_split(inputs.interactions)
    hidden = hidden_in_tables(inputs.tables, inputs.user_ids)
    trial = run_trial(learning, content, earlier, later, status.progress, hidden=hidden)
    if trial is None:
        reason = "not measured: no user has the five events that a held-out part needs"
        return None, {"note": reason + hidden.proviso}
    personal = trial.judge(trial.rank, status.progress, "held-out ranking")
    popular = trial.judge(trial.popular, status.progress, "held-out popularity")
    return trial, {
        "split": HELD_OUT["user-time"],
        "personal": personal.metrics().to_dict(),
        "popularity": popular.metrics().to_dict(),
        "hidden": trial.left_out,
    }


def _content(inputs: _Inputs, words: WordTable, missing: str) -> Content:
    """Return what is known of the items before anybody did anything."""
    items, looks = inputs.tables.items, inputs.looks
    facts = item_facts(items.frame, items.roles, items.time_column)
    return Content(
        images=stand_ins(missing, inputs.images, inputs.texts, facts.categories),
        has_picture=inputs.images.presence,
        texts=inputs.texts,
        words=WordIndex(words),
        facts=facts,
        palettes=np.where(looks.presence[:, None], looks.measures[:, : len(COLORS)], 0),
        pairs=_pairs(inputs.tables.pairs),
    )


def _pairs(table: PairTable | None) -> Pairs | None:
    return None if table is None else Pairs(table.first, table.second, table.same, table.group)


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


def _newcomers(inputs: _Inputs, lesson: Lesson) -> NewcomerModel | None:
    described = inputs.tables.users
    if described is None or len(described.frame.columns) == 1:
        return None
    users = describe_users(inputs.user_ids, described)
    taste = lesson.catalogue.taste
    return learn_newcomers(users, described.roles, inputs.interactions, taste)


def _write_hidden(folder: Path, tables: SourceTables) -> None:
    if (of_all := tables.hidden_from_all) is not None:
        HiddenItems.write_from_all(folder, of_all.rows)
    if (some := tables.hidden_from_some) is not None:
        HiddenItems.write_from_some(folder, some.user_ids, some.offsets, some.rows)


def _word_columns(tables: SourceTables) -> list[str]:
    roles = tables.items.roles
    return [column for column, role in roles.items() if role in _WORD_ROLES]


def _manifest(
    config: ModelConfig,
    encoder: Mapping[str, Any],
    inputs: _Inputs,
    metrics: dict[str, Any],
    frozen: Frozen,
    labels: dict[str, Any],
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
