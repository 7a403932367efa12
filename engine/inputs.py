"""Joins sources, pictures and words: what a generation is made of, before anything is learnt."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .config import ModelConfig
from .encode.base import Encoder, TextTower
from .features.facts import item_facts
from .features.visual import COLORS
from .features.words import WordIndex, WordTable
from .given import join_given
from .label_set import LabelColumn
from .labels import judge_labels, refuse_unfit
from .learn.interactions import Interactions, build_interactions, no_interactions
from .learning import Content
from .pictures import Looks, see_pictures
from .rank.labels import Judged
from .sources.connect import Binding
from .sources.pairs import PairTable
from .sources.roles import Role
from .stand_ins import stand_ins
from .store.home import Home
from .store.status import StatusWriter
from .tables import SourceTables, read_tables
from .texts import item_texts, read_texts
from .types import Modality, Pairs

__all__ = ["Inputs", "content_of", "judged_labels", "read_inputs", "word_columns"]

_WORD_ROLES = {Role.TEXT, Role.CATEGORY, Role.LIST}


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the stages after FETCHING work on."""

    tables: SourceTables
    looks: Looks
    images: Modality
    texts: Modality
    given: Mapping[str, Any]
    """What the manifest says of vectors that were given rather than encoded."""
    user_ids: list[str]
    interactions: Interactions


def read_inputs(
    home: Home,
    config: ModelConfig,
    connections: Mapping[str, Binding],
    allow_hosts: Collection[str],
    encoder: Encoder,
    status: StatusWriter,
) -> Inputs:
    """Read the sources, and see and read what they hold; what caches have is not encoded again."""
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
        titles=item_texts(tables.items.frame, word_columns(tables)).to_list(),
    )
    reads_texts = not (config.has_file_names and encoder.is_joint)
    texts = _texts(home, tables, encoder.texts if reads_texts else None, status)
    images = Modality(looks.vectors, looks.presence)
    images, texts, given = join_given(
        tables.items.vectors, encoder, images, texts, is_named=config.encoder is not None
    )
    found = Inputs(tables, looks, images, texts, given, [], no_interactions())
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
    texts = item_texts(items, word_columns(tables)).to_list()
    return read_texts(texts, tower, home=home, progress=status.progress)


def judged_labels(
    columns: Sequence[LabelColumn],
    record: Mapping[str, Any],
    tower: TextTower | None,
    inputs: Inputs,
    status: StatusWriter,
) -> dict[LabelColumn, Judged]:
    """Judge every item by the labels of every column."""
    judged: dict[LabelColumn, Judged] = {}
    for column in columns:
        status.progress("labels", len(judged), len(columns))
        refuse_unfit(column.asked, record)  # with what is known now of given vectors
        if tower is not None:
            judged[column] = judge_labels(
                column.asked, record, tower, images=inputs.images, texts=inputs.texts
            )
    return judged


def content_of(inputs: Inputs, words: WordTable, missing: str) -> Content:
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


def word_columns(tables: SourceTables) -> list[str]:
    """Return the columns of the items that hold words."""
    roles = tables.items.roles
    return [column for column, role in roles.items() if role in _WORD_ROLES]
