"""CSV and TSV files turned into a DuckDB table, with the lines that are not rows counted."""

import codecs
import glob
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import duckdb

from ..errors import ConnectorError
from .quoting import identifier, literal, path_list
from .source import Loaded

__all__ = ["load"]

_EXAMPLES = 3

# What DuckDB finds in text, where two types can be one column without losing what was written.
_KINDS = {
    "bigint": "number",
    "double": "number",
    "date": "time",
    "timestamp": "time",
    "timestamp with time zone": "time",
}

# A quotation that never closes takes the lines after it along: count them all.
_REJECTED = """
    SELECT lower(error_type), file_path, line, csv_line,
        CASE WHEN error_type = 'UNQUOTED VALUE' THEN len(csv_line.rtrim(chr(10)).split(chr(10)))
             ELSE 1 END
    FROM (SELECT file_id, line, first(error_type) AS error_type, first(csv_line) AS csv_line
          FROM reject_errors GROUP BY file_id, line)
    JOIN (SELECT DISTINCT file_id, file_path FROM reject_scans) USING (file_id)
    ORDER BY file_path, line
"""


def load(connection: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path]) -> Loaded:
    """Read files with a header line as the table `name`; columns are matched by name.

    Delimiter, quote and escape are found from the first 20,000 lines, types from all of them; a
    column that holds numbers in one file and times in another is text. A line with too few or too
    many cells, or bytes that are not UTF-8, is dropped and counted; but in a file whose line ends
    are mixed, or whose quotation breaks near the top, cells beyond the header's are cut off, and a
    note says so.
    """
    dropped: Counter[str] = Counter()
    notes: list[str] = []
    examples: dict[str, tuple[str, ...]] = {}
    parts = [f"{name} {number}" for number in range(len(files))]
    for part, file in zip(parts, files, strict=True):
        rejected, is_strict = _load_one(connection, part, file)
        if not is_strict:
            notes.append(f"{file.name} is not regular CSV: cells beyond its header's were cut off")
        for reason, path, line, text, lines in rejected:
            dropped[reason] += lines
            shown = f"{Path(path).name} line {line}: {text[:80]}"
            examples[reason] = (*examples.get(reason, ()), shown)[:_EXAMPLES]
    connection.execute(f"CREATE TABLE {identifier(name)} AS {_union(connection, parts)}")
    for part in parts:
        connection.execute(f"DROP TABLE {identifier(part)}")
    return Loaded(dropped=dropped, examples=examples, notes=tuple(notes))


def _union(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> str:
    """Write the query that stacks tables; a column of several kinds becomes text."""
    columns = {table: _columns(connection, table) for table in tables}
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for types in columns.values():
        for column, dtype in types.items():
            kinds[column.casefold()].add(_KINDS.get(dtype, dtype))
    selects = []
    for table, types in columns.items():
        casts = [
            f"CAST({identifier(column)} AS VARCHAR) AS {identifier(column)}"
            for column in types
            if len(kinds[column.casefold()]) > 1
        ]
        replaced = f" REPLACE ({', '.join(casts)})" if casts else ""
        selects.append(f"SELECT *{replaced} FROM {identifier(table)}")
    return " UNION ALL BY NAME ".join(selects)


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    relation = connection.table(identifier(table))
    return {name: dtype.id for name, dtype in zip(relation.columns, relation.types, strict=True)}


def _load_one(
    connection: duckdb.DuckDBPyConnection, table: str, file: Path
) -> tuple[list[tuple[str, str, int, str, int]], bool]:
    """Load one file; return the lines that are not rows, and whether the file kept to the rules."""
    create = f"CREATE TABLE {identifier(table)} AS FROM read_csv({path_list([file])}, header = true"
    encoding = _encoding(file)
    common = f"sample_size = -1, comment = '', store_rejects = true, encoding = '{encoding}'"
    is_strict = True
    try:
        connection.execute(f"{create}, {_dialect(connection, file, encoding)}, {common})")
    except duckdb.InvalidInputException:
        # Mixed line ends or a broken quotation near the top: DuckDB's own search is more patient.
        connection.execute(f"{create}, strict_mode = false, {common})")
        is_strict = False
    rejected = connection.execute(_REJECTED).fetchall()
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    return rejected, is_strict


def _encoding(file: Path) -> str:
    """Tell UTF-16, as spreadsheets export it, by the mark it begins with."""
    with file.open("rb") as opened:
        mark = opened.read(2)
    if mark == codecs.BOM_UTF16_BE:
        message = f"{file} is big-endian UTF-16, which is not read; save it as UTF-8"
        raise ConnectorError(message)
    return "utf-16" if mark == codecs.BOM_UTF16_LE else "utf-8"


def _dialect(connection: duckdb.DuckDBPyConnection, file: Path, encoding: str) -> str:
    """Say how the file is written, judged by its beginning.

    Judged by all of it, one broken quotation at the end would make every quotation before it
    part of its text.
    """
    sniffed = connection.execute(
        "SELECT Delimiter, Quote, Escape"
        " FROM sniff_csv(?, header = true, ignore_errors = true, encoding = ?)",
        [glob.escape(str(file)), encoding],
    ).fetchone()
    delimiter, quote, escape = sniffed or (",", "", "")
    quote = quote if len(quote) == 1 else '"'
    escape = escape if len(escape) == 1 else quote
    return f"delim = {literal(delimiter)}, quote = {literal(quote)}, escape = {literal(escape)}"
