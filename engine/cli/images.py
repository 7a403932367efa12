"""The command about a model's pictures: what became of each, and the failed ones once more."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..images.outcome import Outcome
from ..store.status import State
from .options import as_json, compute, home, make_client, model_name, print_json

if TYPE_CHECKING:
    from ..client import Client

__all__ = ["COMMANDS"]

_SHOWN = 20  # where a person reads
_OUTCOMES = [*map(str, Outcome), "duplicate"]


@click.command("images")
@model_name
@click.option("--failed", is_flag=True, help="Only those that could not be had.")
@click.option("--column", metavar="NAME", help="Only those of this image column.")
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(_OUTCOMES),
    metavar="OUTCOME",
    help=f"Only those that came out so: {', '.join(_OUTCOMES)}; repeatable.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    help=f"How many.  [default: {_SHOWN}; all with --json or --output]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Write a row per picture, to .parquet, .csv or .json, instead of showing them.",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there.")
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Try just the failed ones again; update-model then brings what is had into ranking.",
)
@click.option(
    "--allow-hosts",
    multiple=True,
    metavar="HOST",
    help="Host to retry although its address is private, beside those of the build; repeatable.",
)
@compute
@home
@as_json
def images(
    *,
    model_name: str,
    limit: int | None,
    output: Path | None,
    overwrite: bool,
    retry_failed: bool,
    allow_hosts: tuple[str, ...],
    device: str | None,
    threads: int | None,
    home: str | None,
    as_json: bool,
    **which: Any,
) -> None:
    """List what became of a model's pictures, or try the failed ones again."""
    client = make_client(home, allow_hosts, device=device, threads=threads)
    if retry_failed:
        if which["column"] or which["outcomes"] or limit or output:
            message = "--retry-failed tries all that failed: give it without other choices"
            raise click.UsageError(message)
        _retry(client, model_name, as_json=as_json)
    elif output is not None:
        _write(client, model_name, which, limit, output, overwrite=overwrite, as_json=as_json)
    else:
        _list(client, model_name, which, limit, as_json=as_json)


def _list(
    client: "Client", model_name: str, which: Mapping[str, Any], limit: int | None, *, as_json: bool
) -> None:
    pictures = client.images(model_name, **which)
    if limit is None and not as_json:
        limit = _SHOWN
    shown = (pictures if limit is None else pictures.head(limit)).to_dicts()
    if as_json:
        print_json({"model_name": model_name, "total": pictures.height, "images": shown})
        return
    from .render import show_images

    show_images(shown, pictures.height)


def _write(
    client: "Client",
    model_name: str,
    which: Mapping[str, Any],
    limit: int | None,
    output: Path,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    from ..output import TableFile

    file = TableFile.to_write(output, overwrite=overwrite)
    pictures = client.images(model_name, **which)
    written = pictures if limit is None else pictures.head(limit)
    file.write(written)
    if as_json:
        print_json({"file": str(output), "rows": written.height})
        return
    click.echo(f"wrote {written.height:,} pictures to {output}")


def _retry(client: "Client", model_name: str, *, as_json: bool) -> None:
    from .progress import follow_steps

    with follow_steps(State.FETCHING) as listener:
        report = client.retry_images(model_name, on_progress=listener)
    if as_json:
        print_json(report)
        return
    from .render import show_retry

    show_retry(report)


COMMANDS = (images,)
