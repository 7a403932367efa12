"""How a model was asked for: kept beside its generations, so that it can be built again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .atomic import write_json

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
        """Read it back."""
        entries = json.loads((model_folder / "recipe.json").read_text("utf-8"))
        for name in ("in_memory", "allow_hosts"):
            entries[name] = tuple(entries[name])
        return cls(**entries)
