"""The product as its users meet it, through `Client`: tables in, ranked rows and vectors out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from recommend_measures import K
from sightline import Client
from sightline.types import Mask, Vectors

__all__ = ["Ours", "build"]


@dataclass(frozen=True, slots=True)
class Ours:
    """A model that is built, and the rows of its items in the bench's order."""

    client: Client
    name: str
    item_ids: Sequence[str]
    report: Mapping[str, Any]
    """What `create_model` said: seconds, coverage, metrics of its own."""

    def ranked(
        self, user_ids: Iterable[str], only: NDArray[np.int64] | None = None
    ) -> list[NDArray[np.int64]]:
        """Return the 10 best item rows of every person, best first, without what they have seen.

        Parameters
        ----------
        user_ids
            People; those whom the model does not know get what it gives strangers.
        only
            Rank these rows alone.
        """
        rows = {item_id: row for row, item_id in enumerate(self.item_ids)}
        among = None if only is None else [self.item_ids[row] for row in only]
        answers = (
            self.client.rank(self.name, user, limit=K, item_ids=among, return_metadata=False)
            for user in user_ids
        )
        return [np.array([rows[one] for one in answer.ids], np.int64) for answer in answers]

    def picture_vectors(self) -> tuple[Vectors, Mask]:
        """Export the vectors of the items' pictures, in the encoder's own space.

        Returns
        -------
        vectors, presence
            Shapes (n, d) and (n,), in the order of `item_ids`; zeros where there is no picture.
        """
        with TemporaryDirectory() as scratch:
            file = Path(scratch) / "vectors.parquet"
            self.client.export(self.name, file, vectors="image")
            table = pl.read_parquet(file)
        here = pl.DataFrame({"item_id": self.item_ids})
        column = here.join(table, on="item_id", how="left", maintain_order="left")["image_vector"]
        presence = column.is_not_null().to_numpy()
        vectors = np.zeros((len(presence), len(column.drop_nulls()[0])), np.float32)
        vectors[presence] = column.drop_nulls().list.to_array(vectors.shape[1]).to_numpy()
        return vectors, presence


def build(
    client: Client,
    name: str,
    items: pl.DataFrame,
    events: pl.DataFrame,
    *,
    types: Mapping[str, str] | None = None,
) -> Ours:
    """Build a model of two tables with everything left as it comes.

    Parameters
    ----------
    client
        Whose home it is built in; pictures encoded there before are not encoded again.
    name
        The model's, which its home does not have yet.
    items, events
        As `fetch` would return them.
    types
        Column of items to feature type, where it is not to be found out, as of ``ImageVector``.
    """
    features = [{"name": column, "type": kind} for column, kind in (types or {}).items()]
    model: dict[str, Any] = {"name": name}
    if features:
        model["schema_override"] = {"item": {"features": features}}
    definition = {
        "model": model,
        "connectors": [{"id": "items", "type": "file"}, {"id": "events", "type": "file"}],
        "fetch": {"items": "SELECT * FROM items", "events": "SELECT * FROM events"},
    }
    tables = {"items": items, "events": events}
    report = client.create_model(definition, connections=tables)
    return Ours(client, name, items["item_id"].to_list(), report)
