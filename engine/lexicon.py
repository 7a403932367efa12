"""Joins the catalogue's columns and their words: which fields are searched, and how much each."""

from collections.abc import Mapping, Sequence

import polars as pl

from .features.lexical import LexicalTable, build_lexical
from .sources.columns import find_column, name_words
from .sources.roles import Role

__all__ = ["build_lexicon"]

NAME_WEIGHT = 2.0
"""What a word counts for in a title or a code of the item's own, beside 1 elsewhere. The more
titles count, the more often an item is found by three words of its title, and the less often by
what it is; between 1 and 5 there is little in it."""

_SHORT = 2
"""Words of a text, on average, up to which it is a name."""
_SEARCHED = {Role.TEXT, Role.CATEGORY, Role.LIST}
_TITLES = ["name", "product_name", "item_name", "display_name"]
_TITLE_WORDS = {"title", "headline"}
_CODE_WORDS = {"sku", "ean", "gtin", "upc", "isbn", "mpn", "asin", "barcode"}


def build_lexicon(
    items: pl.DataFrame, roles: Mapping[str, Role], ids: Sequence[str]
) -> LexicalTable:
    """Weigh the words by which items are searched.

    They are those of texts, categories and lists; the numbers in columns named for a code, such as
    ``ean``; and the items' ids, see `features.terms.code_of`. Words count more in titles, in ids
    and in texts of one or two words, such as ``sku`` and ``model``: they are names of the item,
    where a description may speak of others.

    Parameters
    ----------
    items
        The item table.
    roles
        Of its columns.
    ids
        Of the items, in the order of the table.
    """
    codes = [name for name, role in roles.items() if role == Role.NUMBER and _is_code(name)]
    # A column of numbers with gaps may have been read as floats: 4006381333931.0 is no code.
    whole = [pl.col(name).cast(pl.Int64, strict=False) for name in codes]
    fields = {name: 1.0 for name, role in roles.items() if role in _SEARCHED}
    texts = [name for name, role in roles.items() if role == Role.TEXT]
    names = [name for name in texts if _is_title(name) or _is_short(items[name])]
    fields |= dict.fromkeys([*names, *codes], NAME_WEIGHT)
    return build_lexical(items.with_columns(whole), fields, ids)


def _is_title(column: str) -> bool:
    return find_column([column], _TITLES) is not None or _last_word(column) in _TITLE_WORDS


def _is_short(texts: pl.Series) -> bool:
    words = texts.drop_nulls().str.count_matches(r"\S+").mean()
    return isinstance(words, float) and words <= _SHORT


def _is_code(column: str) -> bool:
    return _last_word(column) in _CODE_WORDS


def _last_word(column: str) -> str:
    return (name_words(column) or [""])[-1]
