"""Joins vectors and the generation before: indexes are built, or carried over to what changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .half import StoredVectors
from .index.carry import Earlier, carry_index
from .index.neighbours import Listed, carry_neighbours, nearest_others
from .index.plan import build_index, open_index
from .types import Mask, Rows

if TYPE_CHECKING:
    from .learn.taste import Taste

__all__ = ["Carried", "write_index", "write_taste"]

TASTE_ROWS = 5_000
"""Items up to which the taste space is searched exactly: `rank` asks it for several interests, and
scans of more items for each would take longer than all the rest."""

NEIGHBOURS, COLD_NEIGHBOURS = 50, 10
"""Nearest others kept of every item in the taste space."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What an earlier generation has prepared for searching, and where its vectors are now."""

    indexes: Mapping[str, Earlier]
    """By space: ``images``, ``texts`` and ``taste``."""
    lists: Mapping[str, Listed]
    """``neighbours`` and ``cold_neighbours`` of the taste space."""
    was: Mapping[str, Rows]
    """By space: the earlier row of every row whose vector is the same in every bit, shape (n,), -1
    for others."""


def write_index(
    folder: Path, name: str, vectors: StoredVectors, presence: Mask, carried: Carried | None
) -> dict[str, Any]:
    """Write the index of a space into the folder of a generation; see `plan.build_index`.

    It is carried over where there is an earlier one.
    """
    place, most = folder / "index" / name, TASTE_ROWS if name == "taste" else None
    if carried is None:
        return build_index(vectors, presence, place, exact_rows=most)
    earlier, was = carried.indexes[name], carried.was[name]
    if earlier.vectors.shape[1] != vectors.shape[1]:
        return build_index(vectors, presence, place, exact_rows=most)
    return carry_index(earlier, was, vectors, presence, place, exact_rows=most)


def write_taste(
    folder: Path, taste: "Taste", is_cold: Mask, carried: Carried | None
) -> tuple[dict[str, Any], dict[str, Rows]]:
    """Write the index of the taste space, and list the nearest others of every item.

    Parameters
    ----------
    folder, carried
        As for `write_index`.
    taste
        The space.
    is_cold
        Items that hardly anyone picked, shape (n,).

    Returns
    -------
    record, lists
        What `write_index` returns, and ``neighbours`` and ``cold_neighbours``, as of `TasteSpace`.
    """
    record = write_index(folder, "taste", taste.vectors, taste.presence, carried)
    index = open_index(taste.vectors, taste.presence, folder / "index" / "taste")
    lists = {}
    for name, among, count in (
        ("neighbours", taste.presence, NEIGHBOURS),
        ("cold_neighbours", taste.presence & is_cold, COLD_NEIGHBOURS),
    ):
        if carried is None:
            lists[name] = nearest_others(index, taste.vectors, among, count)
        else:
            was, earlier = carried.was["taste"], carried.lists[name]
            lists[name] = carry_neighbours(index, taste.vectors, among, count, was, earlier)
    return record, lists
