"""Model YAML, as Shaped users write it, turned into frozen dataclasses or one clear refusal."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .documents import read_document
from .errors import ConfigError, UnsupportedError
from .image_config import ImageConfig, read_image_config
from .index_config import IndexConfig, read_index_config
from .inference import Inference, read_inference
from .label_set import LabelColumn, read_label_columns
from .policies import Policies, read_policies
from .sections import check_keys, pagination_ttl, positive_int, positive_number, section_of, text_of

__all__ = [
    "Connector",
    "EntitySchema",
    "Fetch",
    "ModelConfig",
    "SchemaOverride",
    "load_config",
    "load_dataset",
    "without_passwords",
]

# Where a hosted connector keeps its credentials differs per vendor; locally a file or URI does.
_CONNECTOR_TYPES = {"dataset", "database", "event_stream", "file", "postgres", "sqlite"}
_CONNECTOR_KEYS = {"id", "name", "type", "path", "file", "uri", "table"}

_TOP_KEYS = {"model", "connectors", "fetch"}
_MODEL_KEYS = {
    "name",
    "description",
    "language_model_name",
    "pagination_store_ttl",
    "train_schedule",
    "vector_index",
    "text_index",
    "interaction_max_per_user",
    "interaction_expiration_days",
    "interaction_half_life_days",
    "schema_override",
    "inference_config",
    "policy_configs",
    "image_config",
    "index_config",
    "labels",
}
_FETCH_KEYS = {"items", "events", "users", "pairs", "global_filters", "personal_filters"}
_SCHEMA_KEYS = {
    "item": {"id", "created_at", "features"},
    "user": {"id", "created_at", "features"},
    "interaction": {"user_id", "item_id", "created_at", "label"},
}

_PASSWORD = re.compile(r"(://[^/@:\s]*:|[?&]password=)[^@&\s]+")


@dataclass(frozen=True, slots=True)
class Connector:
    """A named source that `fetch` SQL reads as a table called `id`."""

    id: str
    name: str
    type: str
    binding: str | None = None
    """Path, glob or URI given in the YAML itself; None when it comes with `--connect`."""
    table: str | None = None
    """Table of a database binding."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """DuckDB SQL that shapes the tables."""

    items: str
    events: str | None = None
    users: str | None = None
    pairs: str | None = None
    """Items that are the same or different in the eyes of those who judged them."""
    global_filters: str | None = None
    """Items that nobody is shown, as in Shaped: the rows are what is hidden."""
    personal_filters: str | None = None
    """Pairs of a user and an item that this user is never shown."""


@dataclass(frozen=True, slots=True)
class EntitySchema:
    """What `schema_override` says of one table; None and {} mean: find it yourself."""

    id: str | None = None
    user_id: str | None = None
    item_id: str | None = None
    created_at: str | None = None
    label: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    """Column name to Shaped feature type, such as ``{"poster_url": "Image"}``."""


@dataclass(frozen=True, slots=True)
class SchemaOverride:
    """Column roles the user states instead of leaving them to be found."""

    item: EntitySchema = EntitySchema()
    user: EntitySchema = EntitySchema()
    interaction: EntitySchema = EntitySchema()


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model: where its tables come from and how it is built."""

    name: str
    fetch: Fetch
    connectors: tuple[Connector, ...]
    description: str = ""
    encoder: str | None = None
    """Name of the encoder; None where the YAML leaves it to Sightline."""
    has_file_names: bool = False
    """Whether the items' words are names of files: to an encoder of words and pictures IMG_1234
    says nothing, so they are only found literally."""
    inference: Inference = field(default_factory=Inference)
    """How a request is answered unless it says otherwise."""
    policies: Policies = field(default_factory=Policies)
    """Which models are trained."""
    images: ImageConfig = field(default_factory=ImageConfig)
    """What stands in for a missing picture."""
    index: IndexConfig = field(default_factory=IndexConfig)
    """How vectors are kept on disk."""
    pagination_store_ttl: float = 0.0
    """Seconds for which it is kept what a person was shown, so that their next answer goes on where
    the last ended; 0 keeps nothing, and every answer starts at the best."""
    interaction_max_per_user: int | None = None
    """Newest events kept per user; None keeps all."""
    interaction_expiration_days: float | None = None
    """Events older than this, counted from the newest event, are left out; None keeps all."""
    interaction_half_life_days: float | None = None
    """Age at which an event weighs half as much in training; None: age takes nothing away."""
    schema: SchemaOverride = SchemaOverride()
    labels: tuple[LabelColumn, ...] = ()
    """Columns that say which of a few labels fits every item best."""
    base_dir: Path = Path()
    """Folder that relative paths, of sources and of pictures, are relative to."""
    document: Mapping[str, Any] = field(default_factory=dict)
    """The YAML as it was read, for `view-model` and for building again."""

    @property
    def limit(self) -> int:
        """How many results a request gets that does not say."""
        return self.inference.limit


def load_config(
    source: str | os.PathLike[str] | Mapping[str, Any], *, base_dir: Path | None = None
) -> ModelConfig:
    """Read a model definition.

    Parameters
    ----------
    source
        Path of a YAML file, or the same document as a mapping.
    base_dir
        What relative paths are relative to; the folder of the file, or the working directory for
        a mapping, when None.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not YAML, or a key or value is not one the surface has; a
        misspelt key is answered with the nearest one.
    UnsupportedError
        If a key of the surface is not built in this version.
    """
    if isinstance(source, Mapping):
        return _model(source, base_dir or Path.cwd())
    path = Path(source)
    return _model(read_document(path), base_dir or path.resolve().parent)


def load_dataset(
    source: str | os.PathLike[str] | Mapping[str, Any],
) -> tuple[str, dict[str, str] | None]:
    """Read a dataset definition: its name, and its column types if it states them.

    Raises
    ------
    ConfigError, UnsupportedError
        As `load_config`.
    """
    document = source if isinstance(source, Mapping) else read_document(Path(source))
    check_keys("", document, {"name", "schema_type", "column_schema"})
    kind = document.get("schema_type", "CUSTOM")
    if kind != "CUSTOM":
        message = f"schema_type {kind!r} is a hosted connector; CUSTOM is what is built here"
        raise UnsupportedError(message)
    columns = document.get("column_schema")
    if columns is not None and not isinstance(columns, Mapping):
        message = f"column_schema must map column names to types, not {columns!r}"
        raise ConfigError(message)
    types = None if columns is None else {str(name): str(kind) for name, kind in columns.items()}
    return text_of(document, "dataset", "name"), types


def without_passwords(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a document for others' eyes: the passwords of the URIs in it replaced by ***."""
    if isinstance(value, Mapping):
        return {key: without_passwords(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_passwords(entry) for entry in value]
    if isinstance(value, str) and "://" in value:
        return _PASSWORD.sub(r"\1***", value)
    return value


def _model(document: Mapping[str, Any], base_dir: Path) -> ModelConfig:
    check_keys("", document, _TOP_KEYS)
    model = section_of(document, "model")
    check_keys("model", model, _MODEL_KEYS)
    schedule = model.get("train_schedule", "@once")
    if schedule != "@once":
        message = (
            f"model.train_schedule {schedule!r} is not built yet: nothing runs in the background. "
            "Leave it out and call `sightline update-model` from cron"
        )
        raise UnsupportedError(message)
    for index in ("vector_index", "text_index"):
        if model.get(index, True) is not True:
            message = f"model.{index}: false is not built: what an encoder reads is always indexed"
            raise UnsupportedError(message)
    connectors = _connectors(document.get("connectors"))
    fetch = _fetch(section_of(document, "fetch"))
    return ModelConfig(
        name=text_of(model, "model", "name"),
        description=text_of(model, "model", "description", default=""),
        encoder=_encoder(model, base_dir),
        inference=read_inference(
            model.get("inference_config"), Inference(), "model.inference_config"
        ),
        policies=read_policies(model.get("policy_configs")),
        images=read_image_config(model.get("image_config")),
        index=read_index_config(model.get("index_config")),
        pagination_store_ttl=pagination_ttl(model.get("pagination_store_ttl")),
        interaction_max_per_user=positive_int(model, "interaction_max_per_user"),
        interaction_expiration_days=positive_number(model, "interaction_expiration_days"),
        interaction_half_life_days=positive_number(model, "interaction_half_life_days"),
        schema=_schema_override(model.get("schema_override")),
        labels=read_label_columns(model.get("labels")),
        connectors=connectors,
        fetch=fetch,
        base_dir=base_dir,
        document=json.loads(json.dumps(document, default=str)),
    )


def _connectors(value: Any) -> tuple[Connector, ...]:  # noqa: ANN401 - straight from YAML
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        message = (
            "connectors must be a list such as [{id: items_source, type: file, path: items.csv}], "
            f"not {value!r}"
        )
        raise ConfigError(message)
    connectors = tuple(_connector(position, entry) for position, entry in enumerate(value))
    ids = [connector.id for connector in connectors]
    if repeated := {name for name in ids if ids.count(name) > 1}:
        message = f"connectors use the id {sorted(repeated)[0]!r} twice; ids must differ"
        raise ConfigError(message)
    return connectors


def _connector(position: int, entry: Any) -> Connector:  # noqa: ANN401 - straight from YAML
    where = f"connectors[{position}]"
    if not isinstance(entry, Mapping):
        message = f"{where} must be a mapping with at least an `id`, not {entry!r}"
        raise ConfigError(message)
    check_keys(where, entry, _CONNECTOR_KEYS)
    connector_id = text_of(entry, where, "id")
    kind = text_of(entry, where, "type", default="file")
    if kind.lower() not in _CONNECTOR_TYPES:
        message = (
            f"{where}.type {kind!r} is not a source this version reads: it knows "
            "Dataset, database, event_stream, file, Postgres and SQLite. "
            f"Export it to Parquet and bind that: --connect {connector_id}=export.parquet"
        )
        raise UnsupportedError(message)
    bindings = [entry[key] for key in ("path", "file", "uri") if entry.get(key) is not None]
    if len(bindings) > 1:
        message = f"{where} gives more than one of path, file and uri; keep one"
        raise ConfigError(message)
    return Connector(
        id=connector_id,
        name=text_of(entry, where, "name", default=connector_id),
        type=kind.lower(),
        binding=str(bindings[0]) if bindings else None,
        table=text_of(entry, where, "table", default="") or None,
    )


def _fetch(section: Mapping[str, Any]) -> Fetch:
    check_keys("fetch", section, _FETCH_KEYS)
    others = {
        name: text_of(section, "fetch", name, default="") or None
        for name in _FETCH_KEYS - {"items"}
    }
    return Fetch(items=text_of(section, "fetch", "items"), **others)


def _schema_override(value: Any) -> SchemaOverride:  # noqa: ANN401 - straight from YAML
    if value is None:
        return SchemaOverride()
    where = "model.schema_override"
    if not isinstance(value, Mapping):
        message = f"{where} must be a mapping with item, user or interaction, not {value!r}"
        raise ConfigError(message)
    check_keys(where, value, set(_SCHEMA_KEYS))
    return SchemaOverride(**{name: _entity(f"{where}.{name}", name, value[name]) for name in value})


def _entity(where: str, name: str, value: Any) -> EntitySchema:  # noqa: ANN401 - straight from YAML
    if not isinstance(value, Mapping):
        message = f"{where} must be a mapping such as {{id: {name}_id}}, not {value!r}"
        raise ConfigError(message)
    check_keys(where, value, _SCHEMA_KEYS[name])
    columns = {key: text_of(value, where, key) for key in value if key != "features"}
    return EntitySchema(**columns, features=_features(where, value.get("features", [])))


def _features(where: str, value: Any) -> dict[str, str]:  # noqa: ANN401 - straight from YAML
    features: dict[str, str] = {}
    for entry in value if isinstance(value, list) else [value]:
        if not isinstance(entry, Mapping) or set(entry) != {"name", "type"}:
            message = f"{where}.features must list {{name: …, type: …}} entries, not {entry!r}"
            raise ConfigError(message)
        features[str(entry["name"])] = str(entry["type"])
    return features


def _encoder(model: Mapping[str, Any], base_dir: Path) -> str | None:
    """Read the encoder's name; a folder given with a leading dot is beside the YAML."""
    if model.get("language_model_name") is None:
        return None
    name = text_of(model, "model", "language_model_name")
    return os.path.normpath(base_dir.absolute() / name) if name.startswith(".") else name
