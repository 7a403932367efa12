"""The command that writes a model's vectors to files."""

from typing import Any

import click

from .options import as_json, home, make_client, model_name, print_json

__all__ = ["COMMANDS"]


@click.command("export")
@model_name
@click.option(
    "--what",
    type=click.Choice(["items", "users"]),
    default="items",
    show_default=True,
    help="Whose vectors.",
)
@click.option(
    "--output",
    required=True,
    type=click.Path(),
    help="File to write; vectors in .npy have their ids in NAME.ids.txt beside it.",
)
@click.option(
    "--format",
    type=click.Choice(["parquet", "npy"]),
    help="What to write.  [default: what the name of the output ends in]",
)
@click.option(
    "--vectors",
    type=click.Choice(["image", "text"]),
    help="Vectors of pictures or of texts.  [default: both in Parquet, image in .npy]",
)
@click.option("--overwrite", is_flag=True, help="Replace the output if it is there.")
@home
@as_json
def export(model_name: str, output: str, home: str | None, as_json: bool, **options: Any) -> None:
    """Write the vectors of a model's items or users to Parquet or .npy."""
    written = make_client(home).export(model_name, output, **options)
    if as_json:
        print_json(written)
        return
    click.echo(f"wrote {written['rows']:,} {written['what']} to {' and '.join(written['files'])}")
    for name, column in written["vectors"].items():
        kind = f"{name.replace('_', ' ')}s"
        click.echo(f"  {kind} of {column['dim']:,} numbers: {column['rows']:,}")


COMMANDS = (export,)
