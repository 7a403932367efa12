"""Joins config, home and sources: the tables that a model is built from."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from .config import Connector, ModelConfig, SchemaOverride
from .encode.names import parse_name
from .errors import ConnectorError, SchemaError
from .label_set import refuse_taken
from .sources.connect import Binding, open_source
from .sources.events import EventTable, event_table
from .sources.fetch import Fetched, run_queries
from .sources.hidden import (
    HiddenFromAll,
    HiddenFromSome,
    hidden_from_all,
    hidden_from_some,
)
from .sources.inserted import with_inserted
from .sources.items import ItemTable, item_table
from .sources.pairs import PairTable, pair_table
from .sources.report import TableReport
from .sources.source import Source
from .sources.users import UserTable, user_table
from .store.datasets import dataset_segments
from .store.home import Home
from .store.live import LiveEvents, live_frame

__all__ = ["SourceTables", "read_tables", "validate"]


@dataclass(frozen=True, slots=True)
class SourceTables:
    """Items, and events, users and pairs where the model has them, clean and counted."""

    items: ItemTable
    events: EventTable | None
    """What `fetch.events` gave and what was inserted in place."""
    users: UserTable | None
    pairs: PairTable | None
    sources: Mapping[str, TableReport]
    """What the files and databases themselves lost, by connector id."""
    hidden_from_all: HiddenFromAll | None
    """What `fetch.global_filters` gave."""
    hidden_from_some: HiddenFromSome | None
    """What `fetch.personal_filters` gave."""
    inserted_until: int
    """How far the log of inserted events is in `events`, in bytes: serving reads on from there."""

    def reports(self) -> dict[str, dict[str, Any]]:
        """Rows read, kept and dropped by reason: of sources that lost any, and of every table."""
        lossy = {
            name: report for name, report in self.sources.items() if report.dropped or report.notes
        }
        tables = {
            "items": self.items,
            "events": self.events,
            "users": self.users,
            "pairs": self.pairs,
            "global_filters": self.hidden_from_all,
            "personal_filters": self.hidden_from_some,
        }
        found = {name: table.report for name, table in tables.items() if table is not None}
        return {name: report.to_dict() for name, report in {**lossy, **found}.items()}


def read_tables(
    home: Home, config: ModelConfig, connections: Mapping[str, Binding]
) -> SourceTables:
    """Run the queries of `config` over its sources and clean what they return.

    Parameters
    ----------
    home
        Where connectors of type Dataset live.
    config
        Connectors, queries and the roles the user states.
    connections
        Bindings by connector id; they take the place of those in the YAML.

    Raises
    ------
    ConnectorError, QueryError, SchemaError
        If a source is missing, a query fails, a table lacks what it needs, or the items have a
        column that labels are to fill.
    """
    fetched = _fetch(home, config, connections)
    with _naming_what_sources_lost(fetched.sources):
        items = item_table(
            fetched.tables["items"],
            id_column=config.schema.item.id,
            created_at=config.schema.item.created_at,
            features=config.schema.item.features,
        )
    refuse_taken(config.labels, items.roles)
    users = None
    if "users" in fetched.tables:
        schema = config.schema.user
        users = user_table(
            fetched.tables["users"],
            id_column=schema.id,
            created_at=schema.created_at,
            features=schema.features,
        )
    events = None
    if "events" in fetched.tables:
        spoken = config.schema.interaction
        events = event_table(
            fetched.tables["events"],
            item_ids=items.ids,
            now=datetime.now(UTC),
            user_column=spoken.user_id,
            item_column=spoken.item_id,
            time_column=spoken.created_at,
            label_column=spoken.label,
        )
    events, inserted_until = _with_inserted(home, config, events, items)
    pairs = None
    if "pairs" in fetched.tables:
        pairs = pair_table(fetched.tables["pairs"], item_ids=items.ids)
    return SourceTables(
        items,
        events,
        users,
        pairs,
        fetched.sources,
        *_hidden(fetched, items, config.schema),
        inserted_until,
    )


def _hidden(
    fetched: Fetched, items: ItemTable, schema: SchemaOverride
) -> tuple[HiddenFromAll | None, HiddenFromSome | None]:
    of_all, of_some = (fetched.tables.get(f"{whose}_filters") for whose in ("global", "personal"))
    return (
        None if of_all is None else hidden_from_all(of_all, item_ids=items.ids, schema=schema),
        None if of_some is None else hidden_from_some(of_some, item_ids=items.ids, schema=schema),
    )


def _with_inserted(
    home: Home, config: ModelConfig, events: EventTable | None, items: ItemTable
) -> tuple[EventTable | None, int]:
    """Join what was inserted into the model so far; say how far its log was read."""
    log = LiveEvents(home.model(config.name))
    frames, offset, damaged = [live_frame([])], 0, 0
    while (read := log.read_since(offset)).offset > offset:
        frames.append(live_frame(read.events))
        offset, damaged = read.offset, damaged + read.damaged
    if offset == 0:
        return events, offset
    inserted = pl.concat(frames)
    return with_inserted(events, inserted, item_ids=items.ids, damaged=damaged), offset


def validate(home: Home, config: ModelConfig, connections: Mapping[str, Binding]) -> dict[str, Any]:
    """Read the sources and report on them; see `Client.validate`."""
    started = time.monotonic()
    if config.encoder is not None:
        parse_name(config.encoder)  # a name that can be none is told before the sources are read
    tables = read_tables(home, config, connections)
    items = tables.items
    return {
        "model_name": config.name,
        "tables": tables.reports(),
        "model_schema": {"item": {column: str(role) for column, role in items.roles.items()}},
        "image_columns": list(items.image_columns),
        "vectors": {str(role): given.to_dict() for role, given in items.vectors.items()},
        "seconds": round(time.monotonic() - started, 3),
    }


@contextmanager
def _naming_what_sources_lost(sources: Mapping[str, TableReport]) -> Iterator[None]:
    """Add to a complaint about a table what its file had that could not be read."""
    try:
        yield
    except SchemaError as error:
        lost = [
            f"{name} lost {count:,} rows: {reason}"
            for name, report in sources.items()
            for reason, count in report.dropped.items()
        ]
        if not lost:
            raise
        message = f"{error} ({'; '.join(lost)})"
        raise SchemaError(message) from error


def _fetch(home: Home, config: ModelConfig, connections: Mapping[str, Binding]) -> Fetched:
    sources = {
        connector.id: _open(home, config, connector, connections) for connector in config.connectors
    }
    fetch = config.fetch
    queries = {
        "items": fetch.items,
        "events": fetch.events,
        "users": fetch.users,
        "pairs": fetch.pairs,
        "global_filters": fetch.global_filters,
        "personal_filters": fetch.personal_filters,
    }
    return run_queries({name: sql for name, sql in queries.items() if sql}, sources)


def _open(
    home: Home, config: ModelConfig, connector: Connector, connections: Mapping[str, Binding]
) -> Source:
    binding = connections.get(connector.id, connector.binding)
    if binding is None and connector.type == "dataset":
        binding = dataset_segments(home, connector.name)
    if binding is None:
        message = (
            f"connector {connector.id!r} is not bound to anything; give `path:` or `uri:` in the "
            f"YAML, --connect {connector.id}=PATH_OR_URI, or "
            f"Client(connections={{{connector.id!r}: …}})"
        )
        raise ConnectorError(message)
    return open_source(
        binding,
        connector=connector.id,
        base_dir=config.base_dir,
        name=connector.name,
        table=connector.table,
    )
