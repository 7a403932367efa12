"""The command that labels items."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import as_json, compute, home, item_list, make_client, model_name, print_json

if TYPE_CHECKING:
    from ..rank.response import LabelResponse

__all__ = ["COMMANDS"]

_SHOWN = 10  # where a person reads


@click.command("label")
@model_name
@click.option(
    "--labels",
    "listed",
    multiple=True,
    callback=item_list,
    help='What to tell apart, such as "red dress,striped shirt", or a JSON list.',
)
@click.option(
    "--label", "single", multiple=True, help="One more label, commas and all; repeatable."
)
@click.option(
    "--template",
    "templates",
    multiple=True,
    help="What a label is read in, {} being its place; repeatable.  [default: three common ones]",
)
@click.option(
    "--column",
    metavar="NAME",
    help="Keep the answer in the model: columns NAME and NAME_probability of all items.",
)
@click.option(
    "--item-ids",
    multiple=True,
    callback=item_list,
    help="Tell of these only: a JSON list, or ids separated by commas.",
)
@click.option("--filter-predicate", metavar="SQL", help="Tell of those only of which this is true.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"How many items, most certain first.  [default: {_SHOWN}; all with --json or --output]",
)
@click.option(
    "--return-metadata/--no-return-metadata",
    default=True,
    show_default=True,
    help="Return the catalogue's columns of every item.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write a row per item, to .parquet or .csv, instead of showing them.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there.")
@compute
@home
@as_json
def label(
    *,
    model_name: str,
    listed: list[str] | None,
    single: tuple[str, ...],
    templates: tuple[str, ...],
    output: Path | None,
    overwrite: bool,
    device: str | None,
    threads: int | None,
    home: str | None,
    as_json: bool,
    **query: Any,
) -> None:
    """Say which of a few labels fits each item best; nothing is trained."""
    labels = [*(listed or ()), *single]
    if not labels:
        message = "give --labels, --label, or both"
        raise click.UsageError(message)
    if output is None and not as_json and query["limit"] is None:
        query["limit"] = _SHOWN
    query["templates"] = templates or None
    client = make_client(home, device=device, threads=threads)
    if output is None:
        _show(client.label(model_name, labels, **query), as_json=as_json)
        return
    from ..output import TableFile

    file = TableFile.to_write(output, overwrite=overwrite)
    response = client.label(model_name, labels, **query)
    file.write(response.frame())
    _report(response, output, as_json=as_json)


def _show(response: "LabelResponse", *, as_json: bool) -> None:
    if as_json:
        print_json(dict(response))
        return
    from .render import show_labels

    show_labels(response)


def _report(response: "LabelResponse", output: Path, *, as_json: bool) -> None:
    if as_json:
        rows = len(response.ids)
        print_json({"file": str(output), "rows": rows, "notes": response.notes})
        return
    click.echo(f"wrote {len(response.ids):,} items to {output}")
    for note in response.notes:
        click.echo(f"note: {note}")


COMMANDS = (label,)
