"""Ranked lists, neighbours and metrics into one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from .chart import Chart, chart_html
from .style import STYLE


@dataclass(frozen=True, slots=True)
class Card:
    """One item on the page."""

    title: str
    subtitle: str = ""
    image: bytes | None = None
    """JPEG bytes; None shows a placeholder."""
    score: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    """What the score is made of, by name."""
    because: str = ""
    """A reason in words."""
    look_alike: bytes | None = None
    """JPEG bytes of what the reason speaks of."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was given, next to what was found for it: a history and a ranking, an item and its like.

    Without `given`, the heading is what was asked, and the found cards have the whole width.
    """

    heading: str
    given_label: str
    given: Sequence[Card]
    found_label: str
    found: Sequence[Card]
    """Best first."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text; every column but the first is set flush right."""

    caption: str
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the page."""

    heading: str
    note: str = ""
    rows: Sequence[Row] = ()
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()


def write_gallery(path: Path, *, title: str, sections: Sequence[Section]) -> None:
    """Write one self-contained page: pictures inline, no script, light and dark.

    Parameters
    ----------
    path
        Replaced atomically; its folder must exist.
    title
        The page's name and first heading.
    sections
        In reading order. All their text is escaped.
    """
    contents = "".join(
        f'<a href="#part-{number}">{escape(section.heading)}</a>'
        for number, section in enumerate(sections)
    )
    body = "".join(_section(number, section) for number, section in enumerate(sections))
    # The policy lets nothing in but inline pictures and the style below, whatever the text says.
    _write_atomically(
        path,
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{escape(title)}</h1><nav aria-label="Sections">{contents}</nav></header>
<main>
{body}</main>
</body>
</html>
""",
    )


def _section(number: int, section: Section) -> str:
    note = f'<p class="note">{escape(section.note)}</p>' if section.note else ""
    rows = "".join(map(_row, section.rows))
    tables = "".join(map(_table, section.tables))
    tables = f'<div class="tables">{tables}</div>' if tables else ""
    charts = "".join(map(chart_html, section.charts))
    return (
        f'<section id="part-{number}" aria-labelledby="title-{number}">'
        f'<h2 id="title-{number}">{escape(section.heading)}</h2>{note}'
        f"{rows}{charts}{tables}</section>\n"
    )


def _row(row: Row) -> str:
    found = "".join(_card(card, rank) for rank, card in enumerate(row.found, start=1))
    given = "".join(_card(card) for card in row.given)
    if given:
        given = f'<div class="given"><h4>{escape(row.given_label)}</h4><ul>{given}</ul></div>'
    return (
        f'<article><h3>{escape(row.heading)}</h3><div class="row">'
        f"{given}"
        f'<div class="found"><h4>{escape(row.found_label)}</h4><ol>{found}</ol></div>'
        "</div></article>\n"
    )


def _card(card: Card, rank: int | None = None) -> str:
    badge = f'<span class="rank" aria-hidden="true">{rank}</span>' if rank else ""
    score = f'<span class="score">{card.score:.3f}</span>' if card.score is not None else ""
    subtitle = f'<p class="subtitle">{escape(card.subtitle)}</p>' if card.subtitle else ""
    return (
        f'<li class="card"><figure>{_picture(card)}{badge}<figcaption>'
        f'<p class="title">{escape(card.title)}</p>{subtitle}{score}{_parts(card.parts)}'
        f"{_because(card)}"
        "</figcaption></figure></li>\n"
    )


def _picture(card: Card) -> str:
    if card.image is None:
        return '<div class="blank" role="img" aria-label="No picture">no picture</div>'
    code = base64.b64encode(card.image).decode("ascii")
    return (
        f'<img src="data:image/jpeg;base64,{code}" alt="{escape(card.title)}"'
        ' width="160" height="160">'
    )


def _because(card: Card) -> str:
    if not card.because:
        return ""
    picture = ""
    if card.look_alike is not None:
        code = base64.b64encode(card.look_alike).decode("ascii")
        picture = f'<img src="data:image/jpeg;base64,{code}" alt="" width="40" height="40">'
    return f'<p class="because">{picture}{escape(card.because)}</p>'


def _parts(parts: Mapping[str, float]) -> str:
    """Show a bar split in the parts' proportions, and the same in words and numbers."""
    if not parts:
        return ""
    # In thousandths: where the factors add up to less than 1, flexbox leaves the rest empty.
    whole = sum(map(abs, parts.values())) or 1.0
    shares = [round(1000 * abs(value) / whole) for value in parts.values()]
    bar = "".join(f'<i style="flex-grow:{share}"></i>' for share in shares)
    words = "".join(
        f"<span>{escape(name)} <b>{value:.3f}</b></span>" for name, value in parts.items()
    )
    return f'<div class="bar" aria-hidden="true">{bar}</div><p class="parts">{words}</p>'


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    body = "".join(map(_line, table.lines))
    return (
        f"<article><table><caption>{escape(table.caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></article>\n"
    )


def _line(line: Sequence[str]) -> str:
    name, *values = line
    cells = "".join(f"<td>{escape(value)}</td>" for value in values)
    return f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>'


def _write_atomically(path: Path, text: str) -> None:
    """Write beside the target and rename, so that a reader sees the old page or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        beside.chmod(0o644)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
