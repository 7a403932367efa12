"""How a model was asked for: kept beside its generations, so that it can be built again."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CorruptGenerationError
from .atomic import storage_errors, write_json

__all__ = ["Recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The inputs of `create-model`.

    `document` is the model YAML, `base_dir` what its relative paths are relative to. `connections`
    are the bindings that are text; tables given from Python cannot be kept, and `in_memory` names
    them. `pictures` is the folder of a model made by `index`, which has no YAML.
    """

    document: Mapping[str, Any]
    base_dir: str
    encoder: str
    connections: Mapping[str, str] = field(default_factory=dict)
    in_memory: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    pictures: str | None = None

    def save(self, model_folder: Path) -> None:
        """Write it into the model's folder, atomically."""
        write_json(model_folder / "recipe.json", asdict(self))

    @classmethod
    def load(cls, model_folder: Path) -> "Recipe":
        """Read it back.

        Raises
        ------
        CorruptGenerationError
            If it is missing or damaged.
        StorageError
            If it may not be read.
        """
        path = model_folder / "recipe.json"
        try:
            with storage_errors(path, action="read"), suppress(FileNotFoundError):
                return cls._parse(path.read_text("utf-8"))
        except (ValueError, KeyError, TypeError) as error:
            raise _lost(model_folder, f"is damaged ({error})") from error
        raise _lost(model_folder, "is missing")

    @classmethod
    def _parse(cls, text: str) -> "Recipe":
        entries = json.loads(text)
        for name in ("in_memory", "allow_hosts"):
            entries[name] = tuple(entries[name])
        return cls(**entries)


def _lost(model_folder: Path, what: str) -> CorruptGenerationError:
    name = model_folder.name
    message = (
        f"{model_folder / 'recipe.json'} {what}, so how the model was made is not known; create "
        f"it again with its YAML: `sightline delete-model --model-name {name}`, then "
        "`sightline create-model --file model.yaml` (caches are reused)"
    )
    return CorruptGenerationError(message)
