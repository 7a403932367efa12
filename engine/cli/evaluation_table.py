"""What `evaluate` found, as tables that fit a terminal of 80 columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

__all__ = ["show_evaluation"]

_METRICS = {
    "ndcg": "NDCG@{k}",
    "recall": "recall@{k}",
    "precision": "precision@{k}",
    "hit_ratio": "hit ratio@{k}",
    "map": "MAP@{k}",
    "mrr": "MRR@{k}",
    "auc": "AUC",
    "coverage": "coverage@{k}",
    "personalization": "personalization@{k}",
    "novelty": "novelty@{k}, bits",
    "average_popularity": "avg popularity@{k}",
}
_METHODS_BESIDE = 3
"""As many fit 80 columns with their intervals; further ones follow in a table of their own."""
_SEGMENT_METHODS_BESIDE = 2
_LARGE = 100
"""Figures from here on are told without decimals."""


def show_evaluation(report: Mapping[str, Any]) -> None:
    """Print an `Evaluation` as tables: metrics, segments, and what each part of the model buys.

    Parameters
    ----------
    report
        As `Evaluation.to_dict` lays it out, or ``{"note": words}`` where nothing was measured.
    """
    console = Console()
    if "methods" not in report:
        console.print(f"[dim]{escape(report['note'])}[/dim]")
        return
    for table in _tables(report):
        console.print(table)
    for found in report["against"].values():
        console.print(f"NDCG@{report['k']}: {escape(found['verdict'])}", highlight=False)
    console.print(f"[dim]{escape(_footnote(report))}[/dim]", highlight=False)


def _tables(report: Mapping[str, Any]) -> Iterator[Table]:
    methods = list(report["methods"])
    for some in _in_groups(methods, _METHODS_BESIDE):
        yield _metrics_table(report, some)
    if report["segments"]:
        for some in _in_groups(methods, _SEGMENT_METHODS_BESIDE):
            yield _segments_table(report, some)
    if report["ablation"]:
        yield _ablation_table(report)


def _metrics_table(report: Mapping[str, Any], methods: Sequence[str]) -> Table:
    table = _table("all users", *methods)
    for metric, name in _METRICS.items():
        figures = [report["methods"][method].get(metric) for method in methods]
        if any(figures):
            table.add_row(name.format(k=report["k"]), *map(_figure, figures))
    return table


def _segments_table(report: Mapping[str, Any], methods: Sequence[str]) -> Table:
    table = _table(f"NDCG@{report['k']} of", "users", *methods)
    for name, segment in report["segments"].items():
        figures = [segment["methods"].get(method, {}).get("ndcg") for method in methods]
        table.add_row(escape(name), f"{segment['users']:,}", *map(_figure, figures))
    return table


def _ablation_table(report: Mapping[str, Any]) -> Table:
    table = _table("built without", f"NDCG@{report['k']}")
    table.add_column("so", overflow="fold")
    for entry in report["ablation"]:
        cells = (escape(entry["without"]), _figure(entry["ndcg"]), escape(entry["verdict"]))
        table.add_row(*cells)
    return table


def _footnote(report: Mapping[str, Any]) -> str:
    measured = f"{report['users']:,} users; held out: {report['held_out']}"
    hidden = report.get("hidden", {})  # reports of earlier versions do not have it
    if hidden.get("items"):
        measured += (
            f"; left out: {hidden['items']:,} hidden items with {hidden['held_out_picks']:,} picks"
        )
    return f"{measured}; intervals: {report['level']:.0%} of bootstrap draws of users"


def _figure(figure: Mapping[str, float] | None) -> str:
    """Show a figure with its interval, where it has one: `0.109 0.097-0.121`."""
    if figure is None:
        return "-"
    size = figure["value"]
    digits = 3 if size <= 1 else 2 if size < _LARGE else 0
    value, *ends = (f"{end:,.{digits}f}" for end in figure.values())
    return f"{value} [dim]{'-'.join(ends)}[/dim]" if ends else value


def _in_groups(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))


def _table(first: str, *columns: str) -> Table:
    """Make a table with its first column flush left and the rest flush right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(escape(first), overflow="fold")
    for column in columns:
        table.add_column(escape(column), justify="right", overflow="fold")
    return table
