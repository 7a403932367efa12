"""The rows of `fetch.users` turned into one typed row per user."""

from collections.abc import Mapping
from typing import TypeAlias

import polars as pl

from ..errors import UnsupportedError
from .entities import EntityTable, entity_table

__all__ = ["USER_ID_NAMES", "UserTable", "user_table"]

UserTable: TypeAlias = EntityTable

USER_ID_NAMES = [
    "user_id",
    "user",
    "uid",
    "customer_id",
    "visitor_id",
    "member_id",
    "account_id",
    "profile_id",
    "reviewer_id",
    "client_id",
    "session_id",
]
"""Spellings of a user's id, best first; case and punctuation do not matter (``visitorid``)."""


def user_table(
    frame: pl.DataFrame,
    *,
    id_column: str | None = None,
    created_at: str | None = None,
    features: Mapping[str, str] | None = None,
) -> UserTable:
    """Clean the table of users, which may be empty; the rules are those of `item_table`.

    Raises
    ------
    ConfigError
        If a column is named that is not there, or a feature type is unknown.
    SchemaError
        If no column can be the id.
    UnsupportedError
        If a column is stated to hold vectors: those are of items.
    """
    users = entity_table(
        frame,
        table="users",
        id_names=[*USER_ID_NAMES, "id"],
        id_column=id_column,
        created_at=created_at,
        features=features or {},
    )
    for given in users.vectors.values():
        message = (
            f"schema_override.user gives {given.column!r} a type of vectors, which items have; "
            "what a user likes is learnt from the vectors of what they pick"
        )
        raise UnsupportedError(message)
    return users
