"""`Client`: the facade every user meets, in Python and behind the command line."""

import os
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from . import models
from .encode.device import Compute
from .feeding import Feeding
from .folder import folder_name
from .labelling import Labelling
from .models import Definition, Surroundings
from .opened import OpenModels
from .reporting import Reporting
from .store.home import Home
from .store.status import Status

if TYPE_CHECKING:
    from .encoders import Encoders
    from .export import Format, Modality, What
    from .sources.connect import Binding

__all__ = ["Client", "Shaped"]

Listener: TypeAlias = Callable[[Status], None]


class Client(Labelling, Feeding, Reporting):
    """Build models and ask them, in this process; safe to share between threads.

    Parameters
    ----------
    home
        Where models, datasets and caches live; None takes ``SIGHTLINE_HOME``, else
        ``~/.sightline``.
    connections
        What connector ids are bound to, for all models: a path, glob, folder or URI, or a table
        (Polars, Arrow, pandas with pyarrow). Paths are relative to the working directory. URIs are
        kept in home with the model, passwords included.
    allow_hosts
        Hosts that pictures may be fetched from although they are on a private address.
    device
        Where ONNX encoders run: ``auto`` (a GPU where one really works, else the CPU), ``cpu``,
        ``cuda`` or ``cuda:1``; None takes ``SIGHTLINE_DEVICE``, else ``auto``.
    threads
        CPU threads of an encoder; None takes ``SIGHTLINE_THREADS``, else one per core.
    api_key
        Not used: nothing leaves this machine. Accepted so that Shaped code runs unchanged.

    Examples
    --------
    >>> client = Client(connections={"items_source": "items.csv", "events_source": "events.csv"})
    >>> client.create_model("model.yaml")  # doctest: +SKIP
    >>> client.rank(model_name="shop", user_id="USER_1", limit=5).ids  # doctest: +SKIP
    """

    def __init__(
        self,
        home: str | os.PathLike[str] | None = None,
        *,
        connections: "Mapping[str, Binding] | None" = None,
        allow_hosts: Collection[str] = (),
        device: str | None = None,
        threads: int | None = None,
        api_key: str | None = None,
    ) -> None:
        self.home = Home(home)
        self._compute = Compute.chosen(device, threads)
        self._encoders = cache(partial(_encoders, self.home, self._compute))
        self._connections = {
            name: models.absolute(value) for name, value in (connections or {}).items()
        }
        super().__init__(OpenModels(self.home, self._encoders, self._compute.cores), allow_hosts)

    @property
    def encoders(self) -> "Encoders":
        """The encoders of this home: list, show, pull, build and check them."""
        return self._encoders()

    def create_model(
        self,
        definition: Definition,
        *,
        connections: "Mapping[str, Binding] | None" = None,
        encoder: str | None = None,
        on_status: Listener | None = None,
    ) -> dict[str, Any]:
        """Build a new model and make it active; returns what `view_model` says of it.

        Parameters
        ----------
        definition
            Path of the model YAML, or the same as a mapping.
        connections
            More bindings, for this model alone; each must be one of its connectors.
        encoder
            Takes the place of the definition's ``language_model_name``.
        on_status
            Called with every change of `Status` while it builds.

        Raises
        ------
        ModelExistsError
            If the name is taken; `update_model` builds it again.
        SightlineError
            Anything else that a user can act on; the model's status keeps the message.
        """
        surroundings = self._surroundings(encoder, on_status, connections)
        return models.create(self.home, definition, surroundings)

    def update_model(
        self,
        model_name: str | None = None,
        *,
        definition: Definition | None = None,
        connections: "Mapping[str, Binding] | None" = None,
        encoder: str | None = None,
        on_status: Listener | None = None,
    ) -> dict[str, Any]:
        """Build the next generation of a model; the active one answers until it is ready.

        Without a new `definition` it is built from the sources and settings it was made with, and
        with the label columns that it has.
        Arguments and errors are otherwise those of `create_model`.

        Raises
        ------
        ModelNotFoundError
            If there is no such model.
        """
        surroundings = self._surroundings(encoder, on_status, connections)
        return models.update(self.home, model_name, definition, surroundings)

    def sync(
        self,
        model_name: str,
        *,
        connections: "Mapping[str, Binding] | None" = None,
        on_status: Listener | None = None,
    ) -> dict[str, Any]:
        """Bring a live model up to date with its sources, without learning anew.

        The sources are read again, and only what is new or changed is encoded. Items that came can
        be found at once, those that went are gone, and events and people are those of now. What was
        learnt stays: what is picked together, the policy, and the map by which new items get their
        places in the space of tastes; `update_model` learns it again. Queries are answered by the
        active generation until the next one is whole.

        Parameters
        ----------
        model_name
            Which model.
        connections, on_status
            As of `create_model`.

        Returns
        -------
        report
            ``model_name``, the ``generation`` that is active now, and how many items were
            ``added``, ``replaced``, ``deleted`` and ``unchanged``. Where nothing changed, the
            generation stays as it is.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError
            If there is nothing to bring up to date.
        UnsupportedError
            If the model was built with another encoder, or from tables in memory that
            `connections` do not have.
        SightlineError
            Anything else that a user can act on; the active generation stays.
        """
        surroundings = self._surroundings(None, on_status, connections)
        return models.sync(self.home, model_name, surroundings)

    def index(
        self,
        folder: str | os.PathLike[str],
        *,
        model_name: str | None = None,
        encoder: str | None = None,
        on_status: Listener | None = None,
    ) -> dict[str, Any]:
        """Make, or bring up to date, a model from a folder of pictures; no YAML needed.

        Every picture is an item whose id is its path relative to `folder`. Subfolders count,
        hidden ones do not. Files that have not changed are neither read nor encoded again. The
        model is called as the folder is, unless `model_name` says otherwise.

        Raises
        ------
        SchemaError
            If `folder` is not a folder or holds no picture.
        ModelExistsError
            If the name belongs to a model that was made from something else.
        """
        path = Path(folder).resolve()
        surroundings = self._surroundings(encoder, on_status)
        return models.index_folder(self.home, path, model_name or folder_name(path), surroundings)

    def validate(
        self,
        definition: Definition,
        *,
        connections: "Mapping[str, Binding] | None" = None,
        encoder: str | None = None,
    ) -> dict[str, Any]:
        """Read the sources of a definition and report on them, without building anything.

        Returns per table the rows read, kept and dropped by reason, and the role of every column.
        """
        from .tables import validate  # brings DuckDB and Polars

        surroundings = self._surroundings(encoder, None, connections)
        config = models.read_definition(definition, encoder=encoder)
        return validate(self.home, config, models.bindings(config, surroundings))

    def list_models(self) -> dict[str, list[dict[str, Any]]]:
        """Name and status of every model, by name, under ``models``."""
        return {"models": models.summaries(self.home)}

    def view_model(self, model_name: str) -> dict[str, Any]:
        """Say all that is known of a model: status, progress, counts, coverage, metrics, config.

        Raises
        ------
        ModelNotFoundError
            If there is no such model.
        """
        return models.view(self.home, model_name)

    def delete_model(self, model_name: str) -> None:
        """Remove a model and its generations; caches and datasets stay."""
        models.delete(self.home, model_name)
        self._opened.forget(model_name)

    def export(
        self,
        model_name: str,
        path: str | os.PathLike[str],
        *,
        what: "What" = "items",
        format: "Format | None" = None,
        vectors: "Modality | None" = None,
        overwrite: bool = False,
    ) -> dict[str, Any]:
        """Write the vectors of a model's items or users to Parquet or .npy.

        Parquet has one row per item, ``item_id``, ``image_vector`` and ``text_vector``, or per
        user, ``user_id`` and ``vector``; null where there is none. A .npy file has only the rows
        that have a vector, and ``<stem>.ids.txt`` beside it their ids: a connector may be bound to
        it. Vectors are of unit length, float32. A user's is the mean of the pictures they picked,
        after what all pictures share was taken away.

        Parameters
        ----------
        model_name, path
            Which model, and the file to write.
        what
            ``items`` or ``users``.
        format
            ``parquet`` or ``npy``; None for what `path` ends in.
        vectors
            ``image`` or ``text``, of items; None for both in Parquet, and for image in .npy.
        overwrite
            Whether a file that is there may be replaced.

        Returns
        -------
        dict
            The files written, their rows, and per kind of vector the rows that have one and its
            dimension.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError
            If there is no such model, or it has no finished generation.
        OutputExistsError
            If there is such a file and `overwrite` is false.
        UnsupportedError
            If the model has no such vectors, or the format cannot be told or cannot hold the ids.
        StorageError
            If the disk refuses; what was there before stays.
        """
        from .export import export  # brings the stages that a generation is read by

        return export(
            self.home,
            model_name,
            Path(path).expanduser(),
            what=what,
            format=format,
            vectors=vectors,
            overwrite=overwrite,
        )

    def evaluate(
        self,
        model_name: str,
        *,
        split: str = "user-time",
        ablate: bool = False,
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> dict[str, Any]:
        """Judge how well a model foretells what people picked, by learning again from less.

        The active generation's pictures, words and histories are learned from up to a moment, and
        what came after it is what ought to have been ranked. Nothing of the model changes but its
        report, which `view_model` then shows.

        Parameters
        ----------
        model_name
            Which model.
        split
            ``user-time``: the last fifth of every person's picks is held out; ``global-time``: all
            that happened after one moment, as a shop meets it.
        ablate
            Whether to learn once more without pictures, without words and without behaviour, to say
            what each of them buys.
        on_progress
            Called with step, done and total.

        Returns
        -------
        dict
            Per method, segment and part the metrics at 10 with 95 % intervals; see the README. What
            ``fetch.global_filters`` hides is neither ranked nor asked for, ``hidden`` says how many
            ``items`` and ``held_out_picks`` that left out; nor is what ``fetch.personal_filters``
            hide from people, but from those who picked some of it in the held-out part.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError
            If there is no such model, or it has no finished generation.
        ValueError
            If there is no such split.
        """
        from .evaluating import evaluate_model  # brings all that learns

        return evaluate_model(
            self.home,
            model_name,
            split=split,
            ablate=ablate,
            threads=self._compute.cores,
            progress=on_progress or (lambda step, done, total: None),
        )

    def _surroundings(
        self,
        encoder: str | None,
        on_status: Listener | None,
        connections: "Mapping[str, Binding] | None" = None,
    ) -> Surroundings:
        named = {name: models.absolute(value) for name, value in (connections or {}).items()}
        joined = {**self._connections, **named}
        listener = on_status or (lambda _: None)
        return Surroundings(
            joined, named.keys(), self._allow_hosts, self.encoders, encoder, listener
        )


def _encoders(home: Home, compute: Compute) -> "Encoders":
    from .encoders import Encoders  # most queries do without

    return Encoders(home, compute)


Shaped = Client
"""The name that Shaped's users import."""
