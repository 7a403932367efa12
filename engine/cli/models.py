"""Commands about models: create, index, update, view, list, validate, delete."""

from typing import TYPE_CHECKING, Any

import click

from .options import (
    as_json,
    compute,
    home,
    make_client,
    model_name,
    print_json,
    reading_options,
    source_options,
)

if TYPE_CHECKING:
    from ..client import Client

__all__ = ["COMMANDS"]

_file = click.Path(exists=True, dir_okay=False)
_definition = click.option(
    "--file", "definition", required=True, type=_file, help="The model YAML."
)


@click.command("create-model")
@_definition
@source_options
def create_model(client: "Client", definition: str, as_json: bool, **build: Any) -> None:
    """Build a new model from a YAML file and make it active."""
    from .progress import follow

    with follow() as listener:
        view = client.create_model(definition, on_status=listener, **build)
    _show(view, as_json=as_json)


@click.command("update-model")
@click.option("--model-name", help="Model to build again from where it came from.")
@click.option("--file", "definition", type=_file, help="A new YAML for the model it names.")
@source_options
def update_model(
    client: "Client",
    model_name: str | None,
    definition: str | None,
    as_json: bool,
    **build: Any,
) -> None:
    """Build a model's next generation; the active one answers until it is ready."""
    from .progress import follow

    if model_name is None and definition is None:
        message = "give --model-name, --file, or both"
        raise click.UsageError(message)
    with follow() as listener:
        view = client.update_model(model_name, definition=definition, on_status=listener, **build)
    _show(view, as_json=as_json)


@click.command("sync")
@model_name
@reading_options
def sync(client: "Client", model_name: str, as_json: bool, **build: Any) -> None:
    """Bring a model up to date with its sources, encoding only what changed.

    Items that were added, replaced or deleted count at once. What the model learnt of people stays
    as it is; `sightline update-model` learns again.
    """
    from .progress import follow

    with follow() as listener:
        report = client.sync(model_name, on_status=listener, **build)
    if as_json:
        print_json(report)
        return
    from .render import show_sync

    show_sync(report)


@click.command("index")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--model-name", help="Name of the model.  [default: the folder's name]")
@click.option("--encoder", help="Encoder to use in place of the default.")
@compute
@home
@as_json
def index(
    folder: str,
    model_name: str | None,
    encoder: str | None,
    device: str | None,
    threads: int | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Make a model from a FOLDER of pictures, or bring it up to date; no YAML needed."""
    from .progress import follow

    client = make_client(home, device=device, threads=threads)
    with follow() as listener:
        view = client.index(folder, model_name=model_name, encoder=encoder, on_status=listener)
    _show(view, as_json=as_json)


@click.command("view-model")
@model_name
@home
@as_json
def view_model(model_name: str, home: str | None, as_json: bool) -> None:
    """Show a model's status, counts, picture coverage and metrics."""
    _show(make_client(home).view_model(model_name), as_json=as_json)


@click.command("list-models")
@home
@as_json
def list_models(home: str | None, as_json: bool) -> None:
    """List the models and their status."""
    listed = make_client(home).list_models()
    if as_json:
        print_json(listed)
        return
    from .render import show_records

    show_records(listed["models"], empty="no models yet: see `sightline create-model --help`")


@click.command("validate")
@_definition
@source_options
def validate(client: "Client", definition: str, as_json: bool, **build: Any) -> None:
    """Read a YAML file and its sources and report problems, without building."""
    report = client.validate(definition, **build)
    if as_json:
        print_json(report)
        return
    from .render import show_validation

    show_validation(report)


@click.command("delete-model")
@model_name
@home
@as_json
def delete_model(model_name: str, home: str | None, as_json: bool) -> None:
    """Remove a model; downloads, vectors and datasets stay."""
    make_client(home).delete_model(model_name)
    message = f"deleted model {model_name}"
    print_json({"message": message}) if as_json else click.echo(message)


def _show(view: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    from .render import show_model

    show_model(view)


COMMANDS = (
    create_model,
    update_model,
    sync,
    index,
    view_model,
    list_models,
    validate,
    delete_model,
)
