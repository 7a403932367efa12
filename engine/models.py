"""The life of a model in its home: made, built again, looked at, deleted."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from .config import ModelConfig, load_config
from .errors import (
    ConfigError,
    CorruptGenerationError,
    FormatTooNewError,
    ModelExistsError,
    SightlineError,
    UnsupportedError,
)
from .folder import folder_catalogue, folder_document
from .label_set import document_with, kept_columns
from .store.generation import Generation, active_manifest, active_number
from .store.home import Home
from .store.lock import is_building, model_lock
from .store.recipe import Recipe
from .store.status import State, Status, read_status

if TYPE_CHECKING:
    from .encoders import Encoders
    from .sources.connect import Binding

__all__ = [
    "Definition",
    "Surroundings",
    "absolute",
    "bindings",
    "create",
    "delete",
    "index_folder",
    "read_definition",
    "summaries",
    "sync",
    "update",
    "view",
]

Definition: TypeAlias = str | os.PathLike[str] | Mapping[str, Any]
"""Path of a model YAML, or the same document as a mapping."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a build takes from the caller rather than from the model's definition."""

    connections: "Mapping[str, Binding]"
    """Bindings by connector id, paths absolute; those of other models may be among them."""
    named: Collection[str]
    """Ids in `connections` that were given for this very build: no other may be named."""
    allow_hosts: Collection[str]
    encoders: "Encoders"
    """Where encoders are opened."""
    encoder: str | None
    """Takes the place of the definition's encoder."""
    on_status: Callable[[Status], None]


def create(home: Home, definition: Definition, surroundings: Surroundings) -> dict[str, Any]:
    """Build a model under a name that is free; see `Client.create_model`."""
    config = read_definition(definition, encoder=surroundings.encoder)
    with model_lock(home, config.name):
        if active_number(home.model(config.name)) is not None:
            message = (
                f"model {config.name!r} exists; build it again with `sightline update-model`, "
                f"or remove it with `sightline delete-model --model-name {config.name}`"
            )
            raise ModelExistsError(message)
        _build(home, config, surroundings)
    return view(home, config.name)


def update(
    home: Home, model_name: str | None, definition: Definition | None, surroundings: Surroundings
) -> dict[str, Any]:
    """Build the next generation of a model; see `Client.update_model`."""
    if definition is not None:
        config = read_definition(definition, encoder=surroundings.encoder)
        if model_name not in {None, config.name}:
            message = f"the definition is of model {config.name!r}, not of {model_name!r}"
            raise ConfigError(message)
        home.existing_model(config.name)
        with model_lock(home, config.name):
            _build(home, config, surroundings)
        return view(home, config.name)
    if model_name is None:
        message = "give the name of a model, or its definition"
        raise ValueError(message)
    recipe = Recipe.load(home.existing_model(model_name))
    if recipe.pictures is not None:
        kept = replace(surroundings, encoder=surroundings.encoder or recipe.encoder)
        return index_folder(home, Path(recipe.pictures), model_name, kept)
    return _build_again(home, recipe, surroundings)


def sync(home: Home, model_name: str, surroundings: Surroundings) -> dict[str, Any]:
    """Bring a model up to date without learning anew; see `Client.sync`."""
    from .syncing import sync_model  # brings Numba and Polars: not for those who only look

    recipe = Recipe.load(home.existing_model(model_name))
    if recipe.pictures is None:
        config, joined = _as_it_was_made(recipe, surroundings)
    else:
        config = _of_folder(Path(recipe.pictures), model_name)
        config = replace(config, encoder=recipe.encoder or config.encoder)
        joined = replace(surroundings, connections=folder_catalogue(Path(recipe.pictures)))
    with model_lock(home, model_name):
        config = _with_kept_labels(home, config)
        changes = sync_model(
            home,
            config,
            encoders=joined.encoders,
            connections=bindings(config, joined),
            allow_hosts=joined.allow_hosts,
            listener=joined.on_status,
        )
        number = active_number(home.model(model_name))
    return {"model_name": model_name, "generation": number, **changes}


def index_folder(
    home: Home, folder: Path, model_name: str, surroundings: Surroundings
) -> dict[str, Any]:
    """Build a model from a folder of pictures; see `Client.index`."""
    config = _of_folder(folder, model_name)
    config = replace(config, encoder=surroundings.encoder or config.encoder)
    bound = replace(surroundings, connections=folder_catalogue(folder))
    with model_lock(home, model_name):
        _refuse_another_origin(home.model(model_name), folder)
        _build(home, _with_kept_labels(home, config), bound, pictures=folder)
    return view(home, model_name)


def _of_folder(folder: Path, model_name: str) -> ModelConfig:
    config = load_config(folder_document(model_name), base_dir=folder)
    return replace(config, has_file_names=True)


def delete(home: Home, model_name: str) -> None:
    """Remove a model and its generations; caches and datasets stay."""
    folder = home.existing_model(model_name)
    with model_lock(home, model_name):
        home.remove(folder)


def view(home: Home, model_name: str) -> dict[str, Any]:
    """Say all that is known of a model; see `Client.view_model`."""
    folder = home.existing_model(model_name)
    status = _status(home, folder)
    number = active_number(folder)
    manifest, warning = _manifest(folder, number)
    return {
        "model_name": model_name,
        "model_uri": folder.as_uri(),
        "status": status.state,
        "progress": {"step": status.step, "done": status.done, "total": status.total},
        "created_at": status.created_at,
        "trained_at": manifest.get("trained_at"),
        "last_updated": status.updated_at,
        "description": manifest.get("description", ""),
        "error_message": status.error_message,
        "warning_message": warning or _missed_promises(manifest),
        "generation": number,
        "synced": manifest.get("synced"),
        "encoder": manifest.get("encoder"),
        "counts": manifest.get("counts"),
        "tables": manifest.get("tables"),
        "coverage": manifest.get("coverage"),
        "pipeline": manifest.get("pipeline"),
        "metrics": manifest.get("metrics"),
        "evaluation": manifest.get("evaluation"),
        "hyperparameters": {
            name: manifest.get(name) for name in ("policy", "learned") if name in manifest
        },
        "labels": manifest.get("labels"),
        "index": manifest.get("index"),
        "seconds": status.seconds,
        "versions": manifest.get("versions"),
        "model_schema": manifest.get("model_schema"),
        "config": manifest.get("config"),
    }


def _manifest(folder: Path, number: int | None) -> tuple[dict[str, Any], str | None]:
    """Return what the active generation says of itself, or why it cannot."""
    if number is None:
        return {}, None
    try:
        return Generation(folder, number).manifest, None
    except (CorruptGenerationError, FormatTooNewError) as error:
        return {}, str(error)


def _missed_promises(manifest: Mapping[str, Any]) -> str | None:
    """Return what the indexes of a generation have to say of their recall, None for nothing."""
    indexes = manifest.get("index") or {}
    said = [
        f"{name}: {index['warning']}" for name, index in indexes.items() if index.get("warning")
    ]
    return "; ".join(said) or None


def summaries(home: Home) -> list[dict[str, Any]]:
    """Name, status and times of every model, by name."""
    return [_summary(home, name) for name in home.models()]


def _summary(home: Home, model_name: str) -> dict[str, Any]:
    """One line about a model; one that cannot be read is an ERROR, not the end of the list."""
    folder = home.model(model_name)
    number = None
    try:
        status = _status(home, folder)
        number = active_number(folder)
    except SightlineError as error:
        status = Status(State.ERROR, error_message=str(error))
    return {
        "model_name": model_name,
        "status": status.state,
        "created_at": status.created_at,
        "last_updated": status.updated_at,
        "generation": number,
        "error_message": status.error_message,
    }


def read_definition(definition: Definition, *, encoder: str | None) -> ModelConfig:
    """Parse a definition; `encoder`, unless None, takes the place of the one it names."""
    config = load_config(definition)
    return config if encoder is None else replace(config, encoder=encoder)


def bindings(config: ModelConfig, surroundings: Surroundings) -> "dict[str, Binding]":
    """Pick the connections that are for connectors of this model.

    Raises
    ------
    ConfigError
        If one was given for this build that is for none of them.
    """
    ids = [connector.id for connector in config.connectors]
    if unknown := sorted(set(surroundings.named) - set(ids)):
        message = (
            f"connections name {unknown[0]!r}, which is no connector of model {config.name!r}; "
            f"its connectors are {', '.join(ids)}"
        )
        raise ConfigError(message)
    given = surroundings.connections
    return {name: given[name] for name in ids if name in given}


def absolute(binding: "Binding") -> "Binding":
    """Make a path independent of where the process stands later; leave URIs and tables."""
    if not _is_text(binding) or "://" in os.fspath(binding):
        return binding
    return str(Path(binding).expanduser().absolute())


def _refuse_another_origin(model_folder: Path, pictures: Path) -> None:
    """Refuse to replace a model that was made from a YAML or from another folder."""
    if not Recipe.exists(model_folder):
        return
    origin = Recipe.load(model_folder).pictures
    if origin != str(pictures):
        message = (
            f"model {model_folder.name!r} was made from {origin or 'a model file'}, not from "
            f"{pictures}; give this one another name with --model-name"
        )
        raise ModelExistsError(message)


def _build(
    home: Home, config: ModelConfig, surroundings: Surroundings, *, pictures: Path | None = None
) -> None:
    from .build import build_model  # brings Numba and Polars: not for those who only look

    bound = bindings(config, surroundings)
    texts = {name: os.fspath(value) for name, value in bound.items() if _is_text(value)}
    recipe = Recipe(
        document=config.document,
        base_dir=str(config.base_dir.resolve()),
        connections=texts,
        in_memory=tuple(name for name in bound if name not in texts),
        allow_hosts=tuple(surroundings.allow_hosts),
        encoder=config.encoder,
        pictures=None if pictures is None else str(pictures),
    )
    build_model(
        home,
        config,
        recipe,
        encoders=surroundings.encoders,
        connections=bound,
        allow_hosts=surroundings.allow_hosts,
        listener=surroundings.on_status,
    )


def _build_again(home: Home, recipe: Recipe, surroundings: Surroundings) -> dict[str, Any]:
    config, joined = _as_it_was_made(recipe, surroundings)
    with model_lock(home, config.name):
        _build(home, _with_kept_labels(home, config), joined)
    return view(home, config.name)


def _as_it_was_made(recipe: Recipe, surroundings: Surroundings) -> tuple[ModelConfig, Surroundings]:
    missing = [name for name in recipe.in_memory if name not in surroundings.connections]
    if missing:
        message = (
            f"this model was built from tables in memory ({', '.join(missing)}), which cannot be "
            "read again; give them to it: Client(connections={…})"
        )
        raise UnsupportedError(message)
    config = load_config(recipe.document, base_dir=Path(recipe.base_dir))
    config = replace(config, encoder=surroundings.encoder or recipe.encoder)
    joined = replace(
        surroundings,
        connections={**recipe.connections, **surroundings.connections},
        allow_hosts={*recipe.allow_hosts, *surroundings.allow_hosts},
    )
    return config, joined


def _with_kept_labels(home: Home, config: ModelConfig) -> ModelConfig:
    """Return the config with the label columns that the active generation has.

    For models that are built again as they were; the caller holds the lock, so that no column is
    added in between.
    """
    columns = kept_columns(active_manifest(home.model(config.name)))
    if columns is None:
        return config
    return replace(config, labels=columns, document=document_with(config.document, columns))


def _status(home: Home, folder: Path) -> Status:
    """Read the status; a build whose process is gone without a word is an error."""
    status = read_status(folder) or Status(State.SCHEDULING)
    if status.state in {State.ACTIVE, State.ERROR} or is_building(home, folder.name):
        return status
    # It may have ended between the two looks.
    status = read_status(folder) or status
    if status.state in {State.ACTIVE, State.ERROR}:
        return status
    message = (
        f"the build ended without a word while {status.state}; run `sightline update-model "
        f"--model-name {folder.name}`: what it fetched and encoded is reused"
    )
    return replace(status, state=State.ERROR, error_message=message)


def _is_text(binding: "Binding") -> TypeGuard[str | os.PathLike[str]]:
    return isinstance(binding, str | os.PathLike)
