"""Figures with their intervals as bars for the page, and an evaluation as such charts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["Bar", "Chart", "chart_html", "evaluation_charts"]

_TONES = 4
"""Colours that bars are told apart by; more methods than that share them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure with the ends of its interval; `said` beside it, or the figure where that is empty.

    `tone` counts through the colours, the same for one method all over a chart.
    """

    label: str
    value: float
    low: float
    high: float
    said: str = ""
    tone: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from zero under one scale, in groups under headings; a heading may be empty."""

    caption: str
    groups: Sequence[tuple[str, Sequence[Bar]]]
    note: str = ""


def chart_html(chart: Chart) -> str:
    """Draw a chart as HTML: no script, no size in pixels, all text escaped.

    To a screen reader the bars are one picture that is described by its figures; the same figures
    follow as a table, folded away.
    """
    bars = [bar for _, group in chart.groups for bar in group]
    least = min((min(bar.value, bar.low) for bar in bars), default=0.0)
    most = max((max(bar.value, bar.high) for bar in bars), default=0.0)
    scale = _Scale(min(least, 0.0), max(most, 0.0))
    drawn = "".join(
        (f'<p class="group">{escape(heading)}</p>' if heading else "")
        + "".join(_bar(bar, scale) for bar in group)
        for heading, group in chart.groups
    )
    note = f'<p class="note">{escape(chart.note)}</p>' if chart.note else ""
    return (
        f'<article><figure class="chart"><figcaption>{escape(chart.caption)}</figcaption>{note}'
        f'<div class="bars" role="img" aria-label="{escape(_in_words(chart))}">{drawn}</div>'
        f"<details><summary>As a table</summary>{_table(chart)}</details></figure></article>\n"
    )


def evaluation_charts(report: Mapping[str, Any]) -> list[Chart]:
    """Make an evaluation into charts of NDCG: of methods, of segments, of what each part buys.

    Parameters
    ----------
    report
        As `Evaluation.to_dict` in `learn` lays it out; a report without methods has no charts.
    """
    if "methods" not in report:
        return []
    name = f"NDCG at {report['k']}"
    ends = f"Whiskers: {report['level']:.0%} of bootstrap draws of {report['users']:,} users."
    charts = [Chart(name, [("", _methods(report["methods"]))], ends)]
    if report["segments"]:
        groups = [
            (f"{segment}: {found['users']:,} users", _methods(found["methods"]))
            for segment, found in report["segments"].items()
        ]
        charts.append(Chart(f"{name}, by segment", groups))
    if report["ablation"]:
        parts = [
            Bar(f"with {entry['without']}", **entry["difference"], said=entry["verdict"])
            for entry in report["ablation"]
        ]
        charts.append(Chart(f"{name}: what each part of the model adds", [("", parts)]))
    return charts


@dataclass(frozen=True, slots=True)
class _Scale:
    """Where a figure lies, in percent of the width; a scale of one point has no width."""

    least: float
    most: float

    def __call__(self, value: float) -> float:
        width = self.most - self.least
        return 100 * (value - self.least) / width if width else 0.0


def _methods(methods: Mapping[str, Any]) -> list[Bar]:
    return [
        Bar(name, **figures["ndcg"], tone=tone)
        for tone, (name, figures) in enumerate(methods.items())
    ]


def _bar(bar: Bar, scale: _Scale) -> str:
    start, end = sorted((scale(0.0), scale(bar.value)))
    low, high = scale(bar.low), scale(bar.high)
    return (
        f'<div class="measure tone{bar.tone % _TONES}">'
        f'<span class="label">{escape(bar.label)}</span>'
        f'<span class="track" style="--zero:{scale(0.0):.2f}%">'
        f'<i style="left:{start:.2f}%;width:{end - start:.2f}%"></i>'
        f'<b style="left:{low:.2f}%;width:{high - low:.2f}%"></b></span>'
        f'<span class="said">{escape(bar.said or _figure(bar))}</span></div>'
    )


def _figure(bar: Bar) -> str:
    return f"{bar.value:.3f} ({bar.low:.3f} to {bar.high:.3f})"


def _in_words(chart: Chart) -> str:
    """Say what the picture shows: every bar with its figures."""
    said = (
        ": ".join(filter(None, (_name(heading, bar), _figure(bar), bar.said)))
        for heading, bar in _each(chart)
    )
    return f"Bar chart. {chart.caption}. " + "; ".join(said)


def _table(chart: Chart) -> str:
    columns = ["", "figure", "from", "to"]
    if any(bar.said for _, bar in _each(chart)):
        columns.append("so")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    body = "".join(_line(_name(heading, bar), bar) for heading, bar in _each(chart))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _line(name: str, bar: Bar) -> str:
    figures = "".join(f"<td>{figure:.3f}</td>" for figure in (bar.value, bar.low, bar.high))
    said = f"<td>{escape(bar.said)}</td>" if bar.said else ""
    return f'<tr><th scope="row">{escape(name)}</th>{figures}{said}</tr>'


def _name(heading: str, bar: Bar) -> str:
    return f"{heading}, {bar.label}" if heading else bar.label


def _each(chart: Chart) -> Iterator[tuple[str, Bar]]:
    return ((heading, bar) for heading, group in chart.groups for bar in group)
