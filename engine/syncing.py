"""Joins the stages that bring a live model up to date: what changed in its sources, and no more."""

import filecmp
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .carrying import Changes, Earlier, same_vectors
from .config import ModelConfig
from .deploying import Learnt, deploy, label_entries, tables_of, write_hidden
from .encode.names import MINI
from .encoders import Encoders
from .errors import UnsupportedError
from .features.words import build_words
from .freezing import describe_users
from .inputs import Inputs, content_of, judged_labels, read_inputs, word_columns
from .learn.interactions import Interactions
from .learning import Learning
from .snapshot import FrozenTables, Snapshot
from .sources.connect import Binding
from .store.generation import Generation, open_active
from .store.home import Home
from .store.records import RecordTable
from .store.status import State, Status, StatusWriter
from .types import Pairs

__all__ = ["sync_model"]

_OF_THE_MACHINE = {"device", "pack"}


def sync_model(
    home: Home,
    config: ModelConfig,
    *,
    encoders: Encoders,
    connections: Mapping[str, Binding],
    allow_hosts: Collection[str],
    listener: Callable[[Status], None],
) -> dict[str, int]:
    """Make the next generation of a model of what its sources hold now, without learning anew.

    The sources are read again; pictures and words that the caches have are not encoded again. What
    was learnt goes with the ids of the items, new and changed items get their places by the maps
    that were learnt, and the indexes are carried over. The caller holds the model's lock; whoever
    reads goes on with the active generation until the next one is whole.

    Parameters
    ----------
    home, config, encoders, connections, allow_hosts, listener
        As for `build.build_model`.

    Returns
    -------
    changes
        Items that were ``added``, ``replaced`` and ``deleted``, and those ``unchanged``. Where
        nothing at all has changed there is no new generation.

    Raises
    ------
    UnsupportedError
        If the model was built with another encoder: what it learnt is of other vectors.
    SightlineError
        With what is wrong and what to do.
    """
    folder = home.model(config.name)
    generation = open_active(folder)
    with StatusWriter(folder, listener).ending() as status:
        status.stage(State.FETCHING)
        encoder = encoders.open(config.encoder or MINI, progress=status.progress)
        record = encoders.record(encoder)
        inputs = read_inputs(home, config, connections, allow_hosts, encoder, status)
        record["given"] = inputs.given
        _refuse_another_encoder(generation, record)
        judged = judged_labels(config.labels, record, encoder.texts, inputs, status)
        status.stage(State.DEPLOYING)
        status.progress("what changed")
        words = build_words(inputs.tables.items.frame, word_columns(inputs.tables))
        content = content_of(inputs, words, config.images.missing)
        snapshot = Snapshot(generation)
        earlier = Earlier(snapshot, generation.manifest, list(inputs.tables.items.ids))
        kept = {
            name: same_vectors(
                getattr(snapshot.catalogue, name),
                getattr(content, name),
                earlier.was,
                vectors=config.index.vectors,
            )
            for name in ("images", "texts")
        }
        kept["taste"] = kept["images"] & kept["texts"]
        learning = Learning(
            config.policies, config.interaction_half_life_days, threads=encoders.compute.cores
        )
        lesson = earlier.lesson(learning, content, inputs.interactions, kept["taste"])
        tables = tables_of(inputs, lesson, judged)
        changes = earlier.changes(inputs.tables.items.frame, kept["taste"])
        if changes or not _is_same(generation, snapshot, inputs, tables, content.pairs):
            learnt = Learnt(
                content,
                words,
                lesson,
                snapshot.fitted_policy(),
                earlier.newcomers(_described(inputs)),
                earlier.baskets(),
                generation.manifest["metrics"],
            )
            was = {name: np.where(same, earlier.was, np.int32(-1)) for name, same in kept.items()}
            deploy(
                home,
                config,
                record,
                inputs,
                learnt,
                tables,
                label_entries(judged),
                status,
                carried=snapshot.carried(was),
                about=_about(generation.manifest, changes),
            )
        status.stage(State.ACTIVE)
    return changes.to_dict()


def _refuse_another_encoder(generation: Generation, record: Mapping[str, Any]) -> None:
    before, now = (
        {name: value for name, value in each.items() if name not in _OF_THE_MACHINE}
        for each in (generation.manifest["encoder"], record)
    )
    if before != now:
        name = generation.model_folder.name
        different = next(key for key in now if before.get(key) != now[key])
        message = (
            f"model {name!r} was built with another encoder: {different} was "
            f"{before.get(different)!r} and is {now[different]!r}; what it learnt is of other "
            f"vectors, so build it again with `sightline update-model --model-name {name}`"
        )
        raise UnsupportedError(message)


def _described(inputs: Inputs) -> pl.DataFrame | None:
    users = inputs.tables.users
    return None if users is None else describe_users(inputs.user_ids, users)


def _is_same(
    generation: Generation,
    snapshot: Snapshot,
    inputs: Inputs,
    tables: FrozenTables,
    pairs: Pairs | None,
) -> bool:
    """Whether a generation of items that have not changed would be as the active one."""
    ids = snapshot.item_ids
    same_order = [ids[row] for row in range(len(ids))] == list(tables.item_ids)
    return (
        same_order
        and _same_arrays(snapshot.interactions, inputs.interactions)
        and _same_arrays(snapshot.pairs, pairs)
        and snapshot.columns().equals(tables.columns)
        and snapshot.pictures().equals(tables.pictures)
        and _same_people(generation, snapshot, tables)
        and _same_hidden(generation, inputs)
    )


def _same_arrays(before: Interactions | Pairs | None, now: Interactions | Pairs | None) -> bool:
    if before is None or now is None:
        return before is now
    names = [field.name for field in fields(now)]
    return all(np.array_equal(getattr(before, name), getattr(now, name)) for name in names)


def _same_people(generation: Generation, snapshot: Snapshot, tables: FrozenTables) -> bool:
    ids = snapshot.user_ids
    if [ids[row] for row in range(len(ids))] != list(tables.user_ids):
        return False
    with tempfile.TemporaryDirectory() as scratch:
        RecordTable.write(Path(scratch), "users", tables.users)
        return filecmp.cmp(
            Path(scratch) / "users.jsonl", generation.folder / "users.jsonl", shallow=False
        )


def _same_hidden(generation: Generation, inputs: Inputs) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        write_hidden(Path(scratch), inputs.tables)
        now = {path.name for path in Path(scratch).iterdir()}
        before = {name for name in generation.manifest["files"] if name.startswith("hidden")}
        return now == before and all(
            filecmp.cmp(Path(scratch) / name, generation.folder / name, shallow=False)
            for name in now
        )


def _about(manifest: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return what the next manifest takes over from the earlier one, and what is new in it."""
    kept = {
        name: manifest[name] for name in ("trained_at", "metrics", "evaluation") if name in manifest
    }
    now = changes.to_dict()
    before = (manifest.get("synced") or {}).get("since_training") or {}
    total = {name: before.get(name, 0) + now[name] for name in ("added", "replaced", "deleted")}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return {**kept, "synced": {"synced_at": when, **now, "since_training": total}}
