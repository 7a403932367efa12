"""Commands about datasets: create, insert, list, delete."""

import json
from typing import IO, Any

import click

from ..errors import SightlineError
from .options import as_json, home, make_client, model_name, print_json

__all__ = ["COMMANDS"]

_dataset_name = click.option("--dataset-name", required=True, help="Name of the dataset.")


@click.command("create-dataset")
@click.option(
    "--file",
    "definition",
    type=click.Path(exists=True, dir_okay=False),
    help="YAML with name, schema_type: CUSTOM and column_schema.",
)
@click.option("--dataset-name", help="Name; columns are those of the first insert.")
@home
@as_json
def create_dataset(
    definition: str | None,
    dataset_name: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Make an empty dataset, from a YAML file or by name alone."""
    if (definition is None) == (dataset_name is None):
        message = "give either --file or --dataset-name"
        raise click.UsageError(message)
    name = make_client(home).create_dataset(dataset_name, definition=definition)
    _say(f"created dataset {name}", as_json)


@click.command("dataset-insert")
@_dataset_name
@click.option(
    "--file",
    "source",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="Rows to append: CSV, TSV, Parquet, JSON or JSON lines.",
)
@home
@as_json
def dataset_insert(
    dataset_name: str,
    source: str,
    home: str | None,
    as_json: bool,
) -> None:
    """Append the rows of a file to a dataset."""
    inserted = make_client(home).dataset_insert(dataset_name, source)
    if as_json:
        print_json(inserted)
        return
    click.echo(f"inserted {inserted['rows']:,} rows into {dataset_name}")
    for reason, count in inserted["unread"].items():
        click.echo(f"  {count:,} rows could not be read: {reason}")
    for column, count in inserted["nulled"].items():
        click.echo(f"  {count:,} cells of {column} were not of its type and became null")


@click.command("insert-events")
@model_name
@click.option(
    "--file",
    "source",
    type=click.File(encoding="utf-8-sig"),
    default="-",
    help='JSON lines such as {"user_id": …, "item_id": …, "event_type": "click"}; - reads stdin.',
)
@home
@as_json
def insert_events(model_name: str, source: IO[str], home: str | None, as_json: bool) -> None:
    """Tell a model what just happened: the next answers know it."""
    events = _read_events(source)
    try:
        inserted = make_client(home).insert_events(model_name, events)
    except SightlineError:
        raise
    except ValueError as error:
        message = f"{error} (the first is event 0); nothing was inserted"
        raise click.ClickException(message) from error
    if as_json:
        print_json(inserted)
        return
    click.echo(f"inserted {inserted['inserted']:,} events into {model_name}")


@click.command("list-datasets")
@home
@as_json
def list_datasets(home: str | None, as_json: bool) -> None:
    """List the datasets with their rows and columns."""
    listed = make_client(home).list_datasets()
    if as_json:
        print_json(listed)
        return
    from .render import show_records

    records = [{**entry, "columns": json.dumps(entry["columns"])} for entry in listed["datasets"]]
    show_records(records, empty="no datasets yet: see `sightline create-dataset --help`")


@click.command("delete-dataset")
@_dataset_name
@home
@as_json
def delete_dataset(dataset_name: str, home: str | None, as_json: bool) -> None:
    """Remove a dataset and its rows."""
    make_client(home).delete_dataset(dataset_name)
    _say(f"deleted dataset {dataset_name}", as_json)


def _read_events(source: IO[str]) -> list[dict[str, Any]]:
    events = []
    try:
        for number, line in enumerate(source, start=1):
            if line.strip():
                events.append(_read_event(line, number))
    except UnicodeDecodeError as error:
        message = f"the events are not UTF-8 text: {error}"
        raise click.ClickException(message) from error
    return events


def _read_event(line: str, number: int) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except json.JSONDecodeError as error:
        message = f"line {number} is not JSON: {error}"
        raise click.ClickException(message) from error
    if isinstance(event, dict):
        return event
    message = f'line {number} must be an event such as {{"user_id": …, "item_id": …}}'
    raise click.ClickException(message)


def _say(message: str, as_json: bool) -> None:
    print_json({"message": message}) if as_json else click.echo(message)


COMMANDS = (create_dataset, dataset_insert, insert_events, list_datasets, delete_dataset)
