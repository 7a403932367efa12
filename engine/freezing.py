"""Joins sources, pictures, labels and behaviour: the tables that a generation keeps."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from .config import ModelConfig
from .features.behaviour import derived_columns, popularity
from .features.visual import visual_columns
from .images.coverage import picture_table
from .label_set import LabelColumn
from .labels import column_frame
from .learn.baskets import bought_together
from .learn.collaborative import Collaborative
from .learn.interactions import Interactions
from .pictures import Looks
from .rank.catalogue import Baskets
from .rank.labels import Judged
from .snapshot import FrozenTables
from .sources.users import UserTable
from .tables import SourceTables
from .types import Scores

__all__ = ["describe_users", "frozen_baskets", "frozen_tables"]


def frozen_tables(
    tables: SourceTables,
    looks: Looks,
    user_ids: Sequence[str],
    interactions: Interactions,
    trend: Scores,
    judged: Mapping[LabelColumn, Judged],
) -> FrozenTables:
    """Bring together what a generation says of its items, users and pictures.

    The columns of the items are the shop's own, then those of labels, and for filters what was seen
    and what people did as well; of two of one name, the shop's own holds.
    """
    items, events = tables.items, tables.events
    event_rows = np.zeros(0, np.int32) if events is None else events.frame["item_row"].to_numpy()
    labels = [column_frame(column, found) for column, found in judged.items()]
    shown = pl.concat([items.frame.drop(pl.selectors.binary()), *labels], how="horizontal")
    popular = popularity(interactions.rows, interactions.weights, len(items.ids))
    pictures = picture_table(
        looks.outcomes, items.ids, firsts=looks.firsts, placeholders=looks.placeholders
    )
    extra = pl.concat(
        [
            visual_columns(looks.measures, looks.presence),
            _copies(pictures, items.ids),
            derived_columns(event_rows, popular, trend),
        ],
        how="horizontal",
    )
    # What the shop itself names wins: one that has a `brightness` means its own.
    extra = extra.select([column for column in extra.columns if column not in shown.columns])
    columns = pl.concat([shown, extra], how="horizontal")
    users = describe_users(user_ids, tables.users)
    return FrozenTables(items.ids, shown, columns, user_ids, users, pictures)


def frozen_baskets(
    tables: SourceTables, config: ModelConfig, learnt: Collaborative, threads: int
) -> Baskets | None:
    """Learn from baskets what goes together; None where nothing is learnt of who picks what."""
    if tables.events is None or learnt.method == "none":
        return None
    expiration = config.interaction_expiration_days
    events, n_items = tables.events.frame, len(tables.items.ids)
    return Baskets(*bought_together(events, n_items, expiration_days=expiration, threads=threads))


def _copies(pictures: pl.DataFrame, item_ids: Sequence[str]) -> pl.DataFrame:
    """Say of every item whose picture its own first one is a near copy of, null if of none.

    A placeholder is nobody's own.
    """
    seen = pictures.filter(pl.col("content_hash").is_not_null() & ~pl.col("placeholder"))
    first = seen.unique("item_id", keep="first", maintain_order=True)
    items = pl.DataFrame({"item_id": item_ids}, schema={"item_id": pl.String})
    joined = items.join(first, on="item_id", how="left", maintain_order="left")
    return joined.select("near_duplicate_of")


def describe_users(user_ids: Sequence[str], described: UserTable | None) -> pl.DataFrame:
    """One row per user of the events, with the columns of `fetch.users` where it has them."""
    name = "user_id" if described is None else described.id_column
    users = pl.DataFrame({name: user_ids}, schema={name: pl.String})
    if described is None:
        return users
    return users.join(described.frame, on=name, how="left", maintain_order="left")
