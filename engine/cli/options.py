"""Options that several commands share, and the client that they open."""

import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ..client import Client

__all__ = [
    "about_items",
    "as_json",
    "compute",
    "home",
    "item_list",
    "json_option",
    "make_client",
    "model_name",
    "print_json",
    "query_options",
    "reading_options",
    "source_options",
    "with_options",
]


def _home_of_either(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Take --home from before the command's name when it is not given after it."""
    return value if value is not None else context.find_root().params.get("home")


home = click.option(
    "--home",
    type=click.Path(file_okay=False),
    callback=_home_of_either,
    help="Folder of models, datasets and caches.  [default: $SIGHTLINE_HOME or ~/.sightline]",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
model_name = click.option("--model-name", required=True, help="Name of the model.")


def query_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every query takes: `model_name`, and `limit` and `return_metadata` for the query."""
    limit = click.option(
        "--limit",
        type=click.IntRange(min=1),
        help="How many results.  [default: the model's, or 10]",
    )
    metadata = click.option(
        "--return-metadata/--no-return-metadata",
        default=True,
        show_default=True,
        help="Return the catalogue's columns of every result.",
    )
    return with_options(command, model_name, limit, metadata, home, as_json)


def about_items(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what queries take whose results are items: `filter_predicate` and `explain`."""
    filter_predicate = click.option(
        "--filter-predicate",
        metavar="SQL",
        help="Condition on the items' columns, such as \"price < 50 AND category = 'Dress'\".",
    )
    explain = click.option(
        "--explain",
        is_flag=True,
        help="Show the parts of every score, and how the nearest were found.",
    )
    return with_options(command, filter_predicate, explain)


def json_option(name: str, help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return an option that takes JSON, absent from the call where it is not given."""

    def read(_: click.Context, __: click.Parameter, value: str | None) -> Any:  # noqa: ANN401
        try:
            return None if value is None else json.loads(value)
        except json.JSONDecodeError as error:
            message = f"{value!r} is not JSON: {error}"
            raise click.BadParameter(message) from error

    return click.option(name, metavar="JSON", callback=read, help=help_text)


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what commands take that build from sources, and a `client` to do it with.

    The command receives `client`, `connections`, `encoder` and `as_json`.
    """
    encoder = click.option(
        "--encoder", help="Encoder to use in place of the YAML's language_model_name."
    )
    return reading_options(encoder(command))


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what commands take that read sources, and a `client` to read them with.

    The command receives `client`, `connections` and `as_json`.
    """
    connect = click.option(
        "--connect",
        multiple=True,
        metavar="ID=PATH_OR_URI",
        callback=_bindings,
        help="Bind a connector of the YAML to a file, glob, folder or database; repeatable.",
    )
    hosts = click.option(
        "--allow-hosts",
        multiple=True,
        metavar="HOST",
        help="Host that pictures may be fetched from although its address is private; repeatable.",
    )

    @functools.wraps(command)
    def with_client(
        connect: dict[str, str],
        allow_hosts: tuple[str, ...],
        home: str | None,
        device: str | None,
        threads: int | None,
        **others: object,
    ) -> None:
        client = make_client(home, allow_hosts, device=device, threads=threads)
        command(client=client, connections=connect, **others)

    return with_options(with_client, connect, hosts, compute, home, as_json)


def compute(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add where encoders run: `device` and `threads`."""
    device = click.option(
        "--device",
        help="Where encoders run: auto, cpu, cuda or cuda:N.  [default: $SIGHTLINE_DEVICE or auto]",
    )
    threads = click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="CPU threads of an encoder.  [default: $SIGHTLINE_THREADS or one per core]",
    )
    return with_options(command, device, threads)


def item_list(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> list[str] | None:
    """Read ids given as a JSON list, separated by commas, or one by one."""
    items: list[str] = []
    for value in values:
        if value.lstrip().startswith("["):
            try:
                items.extend(str(item) for item in json.loads(value))
            except json.JSONDecodeError as error:
                message = f'{value!r} is not a JSON list such as \'["a", "b"]\': {error}'
                raise click.BadParameter(message) from error
        else:
            items.extend(item.strip() for item in value.split(",") if item.strip())
    return items if values else None


def make_client(
    home: str | None,
    allow_hosts: tuple[str, ...] = (),
    *,
    device: str | None = None,
    threads: int | None = None,
) -> "Client":
    """Open the client that a command calls; importing it here keeps --help fast."""
    from ..client import Client

    return Client(home, allow_hosts=allow_hosts, device=device, threads=threads)


def with_options(
    command: Callable[..., Any],
    *options: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> Callable[..., Any]:
    """Add options so that --help lists them in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def print_json(document: Any) -> None:  # noqa: ANN401 - any JSON value
    """Print what a program reads."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def _bindings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    bindings = {}
    for value in values:
        connector, equals, target = value.partition("=")
        if not equals or not connector or not target:
            message = f"{value!r} must be ID=PATH_OR_URI, such as items_source=items.csv"
            raise click.BadParameter(message)
        bindings[connector] = target
    return bindings
