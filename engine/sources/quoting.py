"""Names, values and paths written safely into SQL that this stage composes itself."""

import glob
from collections.abc import Sequence
from pathlib import Path

__all__ = ["identifier", "literal", "path_list"]


def identifier(name: str) -> str:
    """Quote a table or column name; quotes inside it are doubled."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string value; quotes inside it are doubled."""
    return "'" + text.replace("'", "''") + "'"


def path_list(files: Sequence[Path]) -> str:
    """Write paths as a SQL list in which none is taken for a pattern."""
    return f"[{', '.join(literal(glob.escape(str(file))) for file in files)}]"
