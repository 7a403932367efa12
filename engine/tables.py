"""Joins config, home and sources: the tables that a model is built from."""

from dataclasses import dataclass
from typing import Any

from .sources.events import EventTable
from .sources.items import ItemTable
from .sources.users import UserTable

__all__ = ["SourceTables", "read_tables"]


@dataclass(frozen=True, slots=True)
class SourceTables:
    """Items, and events and users where the model has them, clean and counted."""

    items: ItemTable
    events: EventTable | None
    users: UserTable | None

    def reports(self) -> dict[str, dict[str, Any]]:
        """Rows read, kept and dropped by reason, of every table."""
        tables = {"items": self.items, "events": self.events, "users": self.users}
        return {name: table.report.to_dict() for name, table in tables.items() if table is not None}


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
        If a source is missing, a query fails, or a table lacks what it needs.
    """
    sources = {}
    for connector in config.connectors:
        binding = connections.get(connector.id, connector.binding)
        if binding is None and connector.type == "dataset":
            binding = dataset_segments(home, connector.name)
        sources[connector.id] = connect(connector, binding, base_dir=config.base_dir)
    fetch, schema = config.fetch, config.schema
    queries = {"items": fetch.items, "events": fetch.events, "users": fetch.users}
    frames = run_queries({name: sql for name, sql in queries.items() if sql}, sources)
    items = item_table(
        frames["items"],
        id_column=schema.item.id,
        created_at=schema.item.created_at,
        features=schema.item.features,
    )
    events = event_table(frames.get("events"))
    return SourceTables(items, events, users)
