"""How a model was asked for: kept beside its generations, so that it can be built again."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import CorruptGenerationError
from .atomic import replacement, storage_errors

__all__ = ["Recipe"]

_IN_FORCE = "recipe.json"
_PROPOSED = "recipe-next.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The inputs of `create-model`.

    `document` is the model YAML, `base_dir` what its relative paths are relative to. `connections`
    are the bindings that are text; tables given from Python cannot be kept, and `in_memory` names
    them. `encoder` is None where it was left to Sightline. `pictures` is the folder of a model made
    by `index`, which has no YAML.
    """

    document: Mapping[str, Any]
    base_dir: str
    encoder: str | None
    connections: Mapping[str, str] = field(default_factory=dict)
    in_memory: tuple[str, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    pictures: str | None = None

    def propose(self, model_folder: Path) -> None:
        """Write it beside the recipe in force: how the build that begins now was asked for.

        Only its owner may read it: URIs hold passwords.
        """
        text = json.dumps(asdict(self), indent=1)
        with replacement(model_folder / _PROPOSED) as file:
            Path(file.name).chmod(0o600)
            file.write(text.encode())

    @staticmethod
    def adopt(model_folder: Path) -> None:
        """Put the proposed recipe in force: its build is the active one now."""
        with storage_errors(model_folder):
            (model_folder / _PROPOSED).replace(model_folder / _IN_FORCE)

    @staticmethod
    def exists(model_folder: Path) -> bool:
        """Whether the model has one, in force or proposed."""
        return any((model_folder / name).is_file() for name in (_IN_FORCE, _PROPOSED))

    @classmethod
    def load(cls, model_folder: Path) -> "Recipe":
        """Read the recipe in force, or of a model that was never finished the proposed one.

        Raises
        ------
        CorruptGenerationError
            If it is missing or damaged.
        StorageError
            If it may not be read.
        """
        path = model_folder / _IN_FORCE
        if not path.exists():
            path = model_folder / _PROPOSED
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
        f"{model_folder / _IN_FORCE} {what}, so how the model was made is not known; create "
        f"it again with its YAML: `sightline delete-model --model-name {name}`, then "
        "`sightline create-model --file model.yaml` (caches are reused)"
    )
    return CorruptGenerationError(message)
