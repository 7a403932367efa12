"""What a person reads in the terminal: responses, models, reports, as tables."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from ..rank.response import LabelResponse, Response

__all__ = [
    "show_images",
    "show_labels",
    "show_model",
    "show_records",
    "show_response",
    "show_retry",
    "show_sync",
    "show_validation",
]

_TITLES = ("title", "name", "product_name", "label")
_MAX_COLUMNS = 4
_MAX_CELL = 48
_MAX_SHORT = 24
_LEAST_SHARE = 0.005


def show_response(response: "Response") -> None:
    """Print ranked ids with scores, the telling columns of their metadata, and the parts."""
    console = Console()
    columns = _telling_columns(response.metadata or [])
    table = _table("#", "id", "score", *columns)
    parts = _parts(response)
    if parts:
        table.add_column("because")
    for place, (item, score) in enumerate(zip(response.ids, response.scores, strict=True)):
        record = response.metadata[place] if response.metadata else {}
        cells = [_cell(record.get(column)) for column in columns]
        because = [parts[place]] if parts else []
        table.add_row(str(place + 1), escape(_printable(item)), f"{score:.3f}", *cells, *because)
    console.print(table if response.ids else "no results")
    if plans := (response.explanation or {}).get("plans"):
        told = ", ".join(f"{space} by {plan}" for space, plan in plans.items())
        console.print(f"[dim]nearest: {told}[/dim]")
    for note in response.notes:
        console.print(f"[dim]note: {escape(note)}[/dim]")


def show_labels(response: "LabelResponse") -> None:
    """Print ids with their likeliest label, how likely it is, what says so, and their titles."""
    console = Console()
    metadata = response.metadata or [{}] * len(response.ids)
    titles = [name for name in metadata[0] if name.lower() in _TITLES] if response.ids else []
    table = _table("#", "id", "label", "probability", "by", *titles)
    for place, record in enumerate(metadata):
        score = response.scores[place]
        cells = [
            response.ids[place],
            response.best[place],
            None if score is None else f"{score:.3f}",
            response.judged_by[place],
            *(record.get(name) for name in titles),
        ]
        table.add_row(str(place + 1), *map(_cell, cells))
    console.print(table if response.ids else "no results")
    for note in response.notes:
        console.print(f"[dim]note: {escape(note)}[/dim]")


def show_images(pictures: Sequence[Mapping[str, Any]], total: int) -> None:
    """Print what became of pictures: the first of `total`."""
    names = ("item_id", "column", "outcome", "detail", "cell", "near_duplicate_of")
    records = [
        {
            **{name: picture[name] or None for name in names},
            "placeholder": "yes" if picture["placeholder"] else None,
        }
        for picture in pictures
    ]
    show_records(records, empty="no such pictures")
    if total > len(pictures):
        note = f"{len(pictures):,} of {total:,}: see --limit, --json, --output"
        Console().print(f"[dim]{note}[/dim]")


def show_retry(report: Mapping[str, Any]) -> None:
    """Print what trying failed pictures again brought, by reason, and what to do now."""
    console = Console()
    before, after = report["before"], report["after"]
    if report["retried"]:
        table = _table("failed", "before", "now")
        for reason in {**before, **after}:
            table.add_row(reason, f"{before.get(reason, 0):,}", f"{after.get(reason, 0):,}")
        console.print(table)
    had = f"{report['had']:,} of {report['retried']:,} pictures that had failed are had now"
    console.print(had if report["retried"] else "no picture to try again")
    if report["had"]:
        command = f"sightline update-model --model-name {report['model_name']}"
        console.print(escape(f"run `{command}` to bring them into ranking"))
    if report["not_retried"]:
        note = "pictures are bytes in the catalogue: only update-model reads those again"
        console.print(f"[dim]note: {report['not_retried']:,} {note}[/dim]")


def show_records(records: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Print dictionaries as a table, without the columns that none has a value for; or `empty`."""
    console = Console()
    if not records:
        console.print(empty)
        return
    names = dict.fromkeys(name for record in records for name in record)
    told = [name for name in names if any(record.get(name) is not None for record in records)]
    table = _table(*told)
    for record in records:
        table.add_row(*(_cell(record.get(name), cut=False) for name in told))
    console.print(table)


def show_sync(report: Mapping[str, Any]) -> None:
    """Print what a sync changed."""
    names = ("added", "replaced", "deleted", "unchanged")
    counts = ", ".join(f"{report[name]:,} {name}" for name in names)
    Console().print(f"{counts}; generation {report['generation']} is active")


def show_model(view: Mapping[str, Any]) -> None:
    """Print the report of a model: status, counts, pictures, metrics, time per stage."""
    console = Console()
    console.print(f"[bold]{escape(view['model_name'])}[/bold]  {view['status']}")
    progress = view["progress"]
    if progress["total"] and view["status"] not in {"ACTIVE", "ERROR"}:
        console.print(f"{progress['step']}: {progress['done']:,} of {progress['total']:,}")
    for problem in (view["error_message"], view["warning_message"]):
        if problem:
            console.print(f"[red]{escape(problem)}[/red]")
    if view["counts"]:
        counts = ", ".join(f"{value:,} {name}" for name, value in view["counts"].items())
        console.print(counts.replace("_", " "))
        encoder = view["encoder"]
        ran_on = f": {encoder['device']}" if encoder["device"] else ""
        console.print(escape(f"encoder {encoder['name']}{ran_on}"))
        _show_tables(console, view["tables"])
        _show_coverage(console, view["coverage"])
        _show_pipeline(console, view["pipeline"] or {})
        _show_labels(console, view["labels"] or {})
        _show_metrics(console, view["metrics"])
    if view["seconds"]:
        spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in view["seconds"].items())
        console.print(f"[dim]{spent}[/dim]")


def show_validation(report: Mapping[str, Any]) -> None:
    """Print what `validate` found: rows and problems per table, the role of every column."""
    console = Console()
    console.print(f"[bold]{escape(report['model_name'])}[/bold]")
    _show_tables(console, report["tables"])
    table = _table("item column", "role")
    for column, role in report["model_schema"]["item"].items():
        table.add_row(escape(column), role)
    console.print(table)
    for given in report["vectors"].values():
        vectors = f"vectors of {given['dim']:,} numbers, {given['items']:,} items have one"
        console.print(f"{escape(given['column'])}: {vectors}")


def _show_tables(console: Console, tables: Mapping[str, Mapping[str, Any]]) -> None:
    table = _table("table", "rows", "kept", "problems")
    for name, report in tables.items():
        table.add_row(name, f"{report['rows']:,}", f"{report['kept']:,}", _problems(report))
    console.print(table)


def _problems(report: Mapping[str, Any]) -> str:
    lost = [f"{count:,} {reason}" for reason, count in report["dropped"].items()]
    for column, reasons in report["nulled"].items():
        lost += [f"{count:,} {column}: {reason}" for reason, count in reasons.items()]
    return escape("; ".join([*lost, *report["notes"]]))


def _show_coverage(console: Console, coverage: Mapping[str, Any]) -> None:
    if not coverage["columns"]:
        return
    names = ("ok", "missing", "failed", "placeholder", "duplicate")
    table = _table("pictures", *names, "failed by reason")
    for column, found in coverage["columns"].items():
        reasons = (f"{name} {fact['count']:,}" for name, fact in found["reasons"].items())
        # Generations of earlier versions do not know what is a placeholder or a duplicate.
        counts = (f"{found[name]:,}" if name in found else "" for name in names)
        table.add_row(escape(column), *counts, ", ".join(reasons))
    console.print(table)


def _show_pipeline(console: Console, pipeline: Mapping[str, Any]) -> None:
    """Print how fast the pictures went, and what each stage's share of the work was."""
    if not pipeline or not pipeline["pictures"]:
        return
    stages = pipeline["stages"]
    by_share = sorted(stages, key=lambda name: -stages[name]["share"])
    shares = [
        f"{name} {stages[name]['share']:.0%}".replace("%", " %")
        for name in by_share
        if stages[name]["share"] >= _LEAST_SHARE
    ]
    told = [f"pictures: {pipeline['pictures']:,} in {pipeline['seconds']:.1f} s"]
    if shares:
        told.append(f"{', '.join(shares)} of the work")
    if slowest := pipeline["bottleneck"]:
        told.append(f"{slowest} is the bottleneck ({stages[slowest]['per_s']:,.0f}/s)")
    console.print(f"[dim]{escape('; '.join(told))}[/dim]")


def _show_labels(console: Console, labels: Mapping[str, Any]) -> None:
    if not labels:
        return
    table = _table("label column", "labels", "judged by")
    for column, entry in labels.items():
        judges = ", ".join(f"{name} {count:,}" for name, count in entry["judged_by"].items())
        table.add_row(escape(column), escape(", ".join(entry["labels"])), judges)
    console.print(table)


def _show_metrics(console: Console, metrics: Mapping[str, Any]) -> None:
    if "personal" not in metrics:
        console.print(f"[dim]metrics {escape(metrics['note'])}[/dim]")
        return
    table = _table("ranking", "NDCG@10", "recall", "hit ratio", "MRR", "coverage")
    for name in ("personal", "popularity"):
        figures = metrics[name]
        keys = ("ndcg", "recall", "hit_ratio", "mrr", "coverage")
        table.add_row(name, *(f"{figures[key]:.3f}" for key in keys))
    console.print(table)
    users = metrics["personal"]["users"]
    console.print(f"[dim]{users:,} users; held out: {escape(metrics['split'])}[/dim]")


def _telling_columns(metadata: Sequence[Mapping[str, Any]]) -> list[str]:
    """Pick a few columns worth a terminal's width: the title, then short ones."""
    if not metadata:
        return []
    names = list(metadata[0])[1:]
    titles = [name for name in names if name.lower() in _TITLES]
    short = [name for name in names if name not in titles and not _is_long(metadata, name)]
    return [*titles, *short][:_MAX_COLUMNS]


def _is_long(metadata: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Whether a column would flood the table: paragraphs, lists, addresses, exact times."""
    values = [str(record.get(name)) for record in metadata]
    return any(len(value) > _MAX_SHORT or "://" in value for value in values)


def _parts(response: "Response") -> list[str]:
    if response.explanation is None:
        return []
    parts = response.explanation["score"]["scoring_policy_scores"]
    nothing: list[Any] = [None] * len(response.ids)
    alike = response.explanation.get("looks_like") or nothing
    colors = response.explanation.get("palette") or nothing
    lines = []
    for place, (pick, shared) in enumerate(zip(alike, colors, strict=True)):
        # The greatest first, and none that rounds to nothing.
        shares = sorted(((values[place], name) for name, values in parts.items()), reverse=True)
        told = [
            f"{name.replace('_', ' ')} {share:.2f}"
            for share, name in shares
            if abs(share) >= _LEAST_SHARE
        ]
        told += [f"looks like {pick}"] if pick else []
        told += [f"their {' and '.join(shared)}"] if shared else []
        lines.append(escape(", ".join(told)))
    return lines


def _cell(value: Any, *, cut: bool = True) -> str:  # noqa: ANN401 - any JSON value
    text = _printable("" if value is None else str(value))
    return escape(text[: _MAX_CELL - 1] + "…" if cut and len(text) > _MAX_CELL else text)


def _printable(text: str) -> str:
    """Replace what would steer the terminal: a catalogue's texts come from strangers."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(escape(column), overflow="fold")
    return table
