"""SQL with comments, `#` notes of YAML authors among them, turned into SQL without."""

import re

__all__ = ["strip_comments"]

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
    | \#>
    | \#\d
    | (?P<line> (?: -- | \# ) [^\n]* )
    | (?P<block> /\* )
    """,
    re.VERBOSE | re.DOTALL,
)


def strip_comments(sql: str) -> str:
    r"""Remove comments: from `#` or ``--`` to the end of the line, and ``/* … */``, which nest.

    Line numbers stay as they were, and what a comment kept apart stays apart.

    Examples
    --------
    >>> strip_comments("SELECT url, # the picture\n  '#1' AS rank FROM items")
    "SELECT url, \n  '#1' AS rank FROM items"
    """
    kept = []
    position = 0
    while passage := _PASSAGE.search(sql, position):
        start = passage.start()
        end = _block_end(sql, start) if passage["block"] else passage.end()
        if end is None:  # never closed: left for DuckDB to complain about
            break
        kept.append(sql[position:start])
        if passage["block"]:
            kept.append(" " + "\n" * sql.count("\n", start, end))
        elif not passage["line"]:
            kept.append(passage[0])
        position = end
    return "".join(kept) + sql[position:]


def _block_end(sql: str, start: int) -> int | None:
    """Return where a block comment ends; in DuckDB, as in PostgreSQL, they nest."""
    depth = 0
    for mark in re.compile(r"/\*|\*/").finditer(sql, start):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return None
