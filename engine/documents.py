"""YAML files, which may come from strangers, as plain mappings."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ConfigError

if TYPE_CHECKING:
    import yaml

__all__ = ["read_document"]

_MAX_BYTES = 1_000_000


def read_document(path: Path) -> Mapping[str, Any]:
    """Read a YAML file that holds keys and values.

    Raises
    ------
    ConfigError
        If it cannot be read, is larger than a megabyte, or is not such a file.
    """
    import yaml  # only building reads YAML; a query in a fresh process does not pay for it

    try:
        if path.stat().st_size > _MAX_BYTES:
            message = f"{path} is larger than {_MAX_BYTES:,} bytes; is it really a model file?"
            raise ConfigError(message)
        text = path.read_text(encoding="utf-8")
        document = yaml.load(text, _plain_loader())
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise ConfigError(message) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        message = f"{path} is not valid YAML: {error}"
        raise ConfigError(message) from error
    if not isinstance(document, Mapping):
        message = f"{path} holds no keys and values; see the README for a complete example"
        raise ConfigError(message)
    return document


def _plain_loader() -> "type[yaml.SafeLoader]":
    """Return a safe loader that refuses what would be lost or fill the memory.

    Of a key that stands twice PyYAML keeps the last; nested aliases multiply with every line.
    """
    import yaml

    class PlainLoader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401 - PyYAML's own
            if self.check_event(yaml.AliasEvent):
                message = "aliases (*name) are not read; write their values out"
                raise yaml.YAMLError(message)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: ANN401
            keys = [key.value for key, _ in node.value]
            if repeated := {str(key) for key in keys if keys.count(key) > 1}:
                message = f"the key {min(repeated)!r} stands twice in one mapping; keep one"
                raise yaml.YAMLError(message)
            return super().construct_mapping(node, deep)

    return PlainLoader
