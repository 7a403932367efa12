"""Columns turned into roles: what each one is for, judged by name and content, or as stated."""

import difflib
from collections.abc import Mapping
from enum import StrEnum

import polars as pl

from ..errors import ConfigError
from .columns import find_column, name_words, named_column
from .images import holds_images
from .times import microseconds

__all__ = ["Role", "infer_roles"]


class Role(StrEnum):
    """What a column is for."""

    ID = "id"
    IMAGE = "image"
    TEXT = "text"
    CATEGORY = "category"
    NUMBER = "number"
    BOOLEAN = "boolean"
    LIST = "list"
    TIME = "time"
    URL = "url"
    IMAGE_VECTOR = "image_vector"
    TEXT_VECTOR = "text_vector"
    OTHER = "other"


# The feature types of the Shaped surface. Its Binary is a yes-or-no feature, not bytes.
_FEATURE_TYPES = {
    "Category": Role.CATEGORY,
    "TextCategory": Role.CATEGORY,
    "LowCardinalityCategory": Role.CATEGORY,
    "Numerical": Role.NUMBER,
    "Boolean": Role.BOOLEAN,
    "Binary": Role.BOOLEAN,
    "Timestamp": Role.TIME,
    "Text": Role.TEXT,
    "Url": Role.URL,
    "Image": Role.IMAGE,
    "ImageVector": Role.IMAGE_VECTOR,
    "TextVector": Role.TEXT_VECTOR,
    "Sequence[Category]": Role.LIST,
    "Sequence[TextCategory]": Role.LIST,
    "Sequence[Text]": Role.LIST,
}

_SAMPLE_ROWS = 10_000
"""Content is judged by a column's first cells that are not null, this many."""
_NEARLY_ALL = 0.95
"""Share of cells that make a text column numbers, times, links or yes-and-no."""

_ADDRESS = r"(?i)^https?://\S+$"
# A leading zero makes it a code: 0012 and 12 are two products.
_NUMBER = r"^[+-]?(?:0|[1-9]\d*)?(?:\.\d+)?(?:[eE][+-]?\d+)?$"
_YES_NO = ["true", "false", "yes", "no", "t", "f", "y", "n"]
_WRITTEN_DATE = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}(?:$|[Tt ])"

_TIME_WORDS = {"at", "date", "datetime", "on", "time", "timestamp", "ts"}
_EARLIEST_COUNT = 19_700_101
"""The least number that a column with the name of a time must hold to be read as times."""

_PROSE_NAMES = ["name", "product_name", "item_name", "display_name"]
_PROSE_WORDS = {"body", "caption", "description", "details", "summary", "text", "title"}
_PROSE_LENGTH = 40
"""Mean characters from which a text is prose."""
_CATEGORY_SHARE = 0.5
"""A category's values come up twice or more on average."""


def infer_roles(
    frame: pl.DataFrame, *, id_column: str, override: Mapping[str, str]
) -> dict[str, Role]:
    """Give every column a role.

    Types decide first, then names and content together: see `holds_images` for pictures; text is
    a url, a number, a time or a boolean where 95 % of its cells are; prose (title, description, a
    mean of more than 40 characters, or values that rarely repeat) is text, other text a category.
    A list is an image where its first elements are.

    Parameters
    ----------
    frame
        The table, with names as `override` uses them.
    id_column
        Its role is ID, whatever it holds.
    override
        Column to Shaped feature type, such as ``{"poster": "Image"}``.

    Raises
    ------
    ConfigError
        If `override` has an unknown type or names a column the table does not have.
    """
    stated = {
        named_column(frame.columns, column, table="the table"): _stated_role(column, feature_type)
        for column, feature_type in override.items()
    }
    roles = {}
    for name in frame.columns:
        if name == id_column:
            roles[name] = Role.ID
        else:
            roles[name] = stated.get(name) or _role(frame[name])
    return roles


def _stated_role(column: str, feature_type: str) -> Role:
    if feature_type in _FEATURE_TYPES:
        return _FEATURE_TYPES[feature_type]
    near = difflib.get_close_matches(feature_type, _FEATURE_TYPES, n=1, cutoff=0.3)
    hint = f"did you mean {near[0]}? Known are" if near else "known are"
    message = (
        f"schema_override gives {column!r} the unknown type {feature_type!r}; "
        f"{hint} {', '.join(_FEATURE_TYPES)}"
    )
    raise ConfigError(message)


def _role(column: pl.Series) -> Role:
    dtype = column.dtype
    if isinstance(dtype, pl.List | pl.Array):
        firsts = column.list.first() if isinstance(dtype, pl.List) else column.arr.first()
        return Role.IMAGE if _is_image(firsts) else Role.LIST
    if dtype == pl.Boolean:
        return Role.BOOLEAN
    if isinstance(dtype, pl.Datetime | pl.Date):
        return Role.TIME
    if dtype.is_numeric():
        return Role.TIME if _counts_time(column) else Role.NUMBER
    if dtype == pl.Binary:
        return Role.IMAGE if _is_image(column) else Role.OTHER
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return _text_role(column.cast(pl.String))
    return Role.OTHER


def _is_image(column: pl.Series) -> bool:
    return column.dtype in (pl.String, pl.Binary) and holds_images(column.name, _sample(column))


def _sample(column: pl.Series) -> pl.Series:
    present = column.drop_nulls()
    if column.dtype == pl.String:
        present = present.filter(present.str.contains(r"\S"))
    elif column.dtype == pl.Binary:
        present = present.filter(present.bin.size() > 0)
    return present.head(_SAMPLE_ROWS)


def _counts_time(column: pl.Series) -> bool:
    """Created_at with 1,700,000,000 is a time; preparation_time with 45 is a number."""
    sample = _sample(column)
    return _last_word(column.name) in _TIME_WORDS and _mostly(sample >= _EARLIEST_COUNT)


def _text_role(column: pl.Series) -> Role:
    sample = _sample(column)
    if holds_images(column.name, sample):
        return Role.IMAGE
    if sample.is_empty():
        return Role.TEXT if _is_prose(column.name) else Role.OTHER
    text = sample.str.strip_chars()
    if _mostly(text.str.contains(_ADDRESS)):
        return Role.URL
    if _mostly(text.str.contains(_NUMBER) & text.str.contains(r"\d")):
        return Role.NUMBER
    if _mostly(text.str.contains(_WRITTEN_DATE)) and _mostly(microseconds(text).is_not_null()):
        return Role.TIME
    if _mostly(text.str.to_lowercase().is_in(_YES_NO)):
        return Role.BOOLEAN
    if _is_prose(column.name):
        return Role.TEXT
    repeats = text.n_unique() <= _CATEGORY_SHARE * len(text)
    short = int(text.str.len_chars().sum()) <= _PROSE_LENGTH * len(text)
    return Role.CATEGORY if repeats and short else Role.TEXT


def _mostly(flags: pl.Series) -> bool:
    return len(flags) > 0 and int(flags.sum()) >= _NEARLY_ALL * len(flags)


def _is_prose(name: str) -> bool:
    return _last_word(name) in _PROSE_WORDS or find_column([name], _PROSE_NAMES) is not None


def _last_word(name: str) -> str:
    return (name_words(name) or [""])[-1]
