"""SQL with `#` notes, as YAML authors write them, turned into SQL without."""

import re

__all__ = ["strip_hash_comments"]

# Where a `#` is not a note: inside every kind of quotation and inside SQL's own comments, in the
# JSON operators #> and #>>, and in DuckDB's positional references such as `ORDER BY #1`. A
# quotation that never closes runs to the end, so that DuckDB can complain about it as it stands.
_PASSAGE = re.compile(
    r"""
      (?<![\w$]) [eE] ' (?: [^'\\] | \\. | '' )*+ (?: ' | \Z )
    | ' (?: [^'] | '' )*+ (?: ' | \Z )
    | " (?: [^"] | "" )*+ (?: " | \Z )
    | ` (?: [^`] | `` )*+ (?: ` | \Z )
    | (?<![\w$]) \$ (?P<tag> (?: [^\W\d] \w* )? ) \$ .*? (?: \$ (?P=tag) \$ | \Z )
    | -- [^\n]*
    | (?P<block> /\* )
    | \#>
    | \#\d
    | (?P<note> \# [^\n]* )
    """,
    re.VERBOSE | re.DOTALL,
)


def strip_hash_comments(sql: str) -> str:
    r"""Remove every `#` note, up to the end of its line; line numbers stay as they were.

    Examples
    --------
    >>> strip_hash_comments("SELECT url, # the picture\n  '#1' AS rank FROM items")
    "SELECT url, \n  '#1' AS rank FROM items"
    """
    kept = []
    position = 0
    while passage := _PASSAGE.search(sql, position):
        start, end = passage.span()
        if passage["block"]:
            end = _block_comment_end(sql, start)
        kept.append(sql[position : start if passage["note"] else end])
        position = end
    return "".join(kept) + sql[position:]


def _block_comment_end(sql: str, start: int) -> int:
    """Return where a block comment ends; in DuckDB, as in PostgreSQL, they nest."""
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return len(sql)
