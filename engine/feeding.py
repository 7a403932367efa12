"""The verbs that give data: datasets in home, and events into a model that is built."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import load_dataset
from .models import Definition
from .store import datasets
from .store.home import Home
from .store.live import LiveEvents

if TYPE_CHECKING:
    from .sources.connect import Binding

__all__ = ["Feeding"]


class Feeding:
    """Takes data in; see `sightline.Client`, which also builds models and asks them."""

    home: Home

    def create_dataset(
        self,
        dataset_name: str | None = None,
        column_schema: Mapping[str, str] | None = None,
        *,
        definition: Definition | None = None,
    ) -> str:
        """Make an empty dataset and return its name.

        Parameters
        ----------
        dataset_name, column_schema
            Its name, and column name to type, such as ``{"user_id": "String"}``; without a schema
            it takes the columns of what is inserted first.
        definition
            Instead of both: path of a YAML with name and column_schema, or the same as a mapping.

        Raises
        ------
        DatasetExistsError
            If the name is taken.
        """
        if definition is not None:
            dataset_name, column_schema = load_dataset(definition)
        if dataset_name is None:
            message = "give dataset_name, or a definition that holds it"
            raise ValueError(message)
        datasets.create_dataset(self.home, dataset_name, column_schema)
        return dataset_name

    def dataset_insert(self, dataset_name: str, rows: "Binding") -> dict[str, Any]:
        """Append the rows of a file (CSV, TSV, Parquet, JSON lines) or table to a dataset.

        Returns dataset_name, rows, the cells per column that did not fit its type and are null, and
        the rows that could not be read, by reason.
        """
        from .sources.connect import read_table  # brings DuckDB and Polars

        frame, report = read_table(rows, base_dir=Path.cwd())
        inserted = datasets.insert_rows(self.home, dataset_name, frame)
        return {**asdict(inserted), "unread": dict(report.dropped)}

    def insert_events(self, model_name: str, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Tell a model what just happened: the next `rank` of these people knows it.

        The events are kept with the model, and every later build reads them beside
        ``fetch.events``. They are safe from the end of this process at once.

        Parameters
        ----------
        model_name
            Which model.
        events
            ``[{"user_id": …, "item_id": …, "event_type": "click"}, …]``; in place of the type or
            beside it a ``label`` (above 0 is a pick), and ``created_at`` where it is not now.
            People and items that the model does not know wait for its next build.

        Returns
        -------
        dict
            The model's name, and how many events were inserted.

        Raises
        ------
        ModelNotFoundError
            If there is no such model.
        ValueError
            If an event cannot be read; none of them is then inserted.
        StorageError
            If the disk refuses.
        """
        log = LiveEvents(self.home.existing_model(model_name))
        return {"model_name": model_name, "inserted": log.append(events)}

    def list_datasets(self) -> dict[str, list[dict[str, Any]]]:
        """Name, rows and columns of every dataset, by name, under ``datasets``."""
        return {"datasets": datasets.list_datasets(self.home)}

    def delete_dataset(self, dataset_name: str) -> None:
        """Remove a dataset; models built from it stay as they are."""
        datasets.delete_dataset(self.home, dataset_name)
