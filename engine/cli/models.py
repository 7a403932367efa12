"""Commands about models: create, index, update, view, list, validate, delete."""

from typing import Any

import click

from .options import as_json, home, make_client, model_name, print_json, source_options

__all__ = ["COMMANDS"]

_definition = click.option(
    "--file",
    "definition",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="The model YAML.",
)


@click.command("create-model")
@_definition
@source_options
def create_model(
    definition: str,
    connect: dict[str, str],
    allow_hosts: tuple[str, ...],
    encoder: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Build a new model from a YAML file and make it active."""
    from .progress import follow

    client = make_client(home, connect, allow_hosts)
    with follow() as listener:
        view = client.create_model(definition, encoder=encoder, on_status=listener)
    _show_built(view, as_json)


@click.command("update-model")
@click.option("--model-name", help="Model to build again from where it came from.")
@click.option(
    "--file",
    "definition",
    type=click.Path(exists=True, dir_okay=False),
    help="A new YAML for the model it names.",
)
@source_options
def update_model(
    model_name: str | None,
    definition: str | None,
    connect: dict[str, str],
    allow_hosts: tuple[str, ...],
    encoder: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Build a model's next generation; the active one answers until it is ready."""
    from .progress import follow

    if model_name is None and definition is None:
        message = "give --model-name, --file, or both"
        raise click.UsageError(message)
    client = make_client(home, connect, allow_hosts)
    with follow() as listener:
        view = client.update_model(
            model_name, definition=definition, encoder=encoder, on_status=listener
        )
    _show_built(view, as_json)


@click.command("index")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--model-name", help="Name of the model.  [default: the folder's name]")
@click.option("--encoder", help="Encoder to use in place of the default.")
@home
@as_json
def index(
    folder: str,
    model_name: str | None,
    encoder: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Make a model from a FOLDER of pictures, or bring it up to date; no YAML needed."""
    from .progress import follow

    with follow() as listener:
        view = make_client(home).index(
            folder, model_name=model_name, encoder=encoder, on_status=listener
        )
    _show_built(view, as_json)


@click.command("view-model")
@model_name
@home
@as_json
def view_model(model_name: str, home: str | None, as_json: bool) -> None:
    """Show a model's status, counts, picture coverage and metrics."""
    view = make_client(home).view_model(model_name)
    if as_json:
        print_json(view)
        return
    from .render import show_model

    show_model(view)


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
def validate(
    definition: str,
    connect: dict[str, str],
    allow_hosts: tuple[str, ...],
    encoder: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Read a YAML file and its sources and report problems, without building."""
    report = make_client(home, connect, allow_hosts).validate(definition, encoder=encoder)
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


def _show_built(view: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(view)
        return
    from .render import show_model

    show_model(view)


COMMANDS = (create_model, update_model, index, view_model, list_models, validate, delete_model)
