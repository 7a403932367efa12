"""Commands that ask a model: rank, similar, complement-items, retrieve."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from ..errors import SightlineError
from .options import (
    about_items,
    compute,
    item_list,
    json_option,
    make_client,
    print_json,
    query_options,
    with_options,
)

if TYPE_CHECKING:
    from ..rank.response import Response

__all__ = ["COMMANDS"]

# What a command does not name goes on to the client as it is: the options of every query.


def _search(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what is searched for, and where the encoder that reads it runs."""
    text = click.option(
        "--text-query",
        metavar="TEXT",
        help='Words to look for, or terms: "2:red dress + ./photo.jpg - leather".',
    )
    queries = json_option(
        "--queries",
        'The same as a list: \'[{"text": "red", "weight": 2}, {"item_id": "A", "weight": -1}]\'.',
    )
    hosts = click.option(
        "--allow-hosts",
        multiple=True,
        metavar="HOST",
        help="Private hosts that pictures of the query may come from; repeatable.",
    )
    return with_options(command, text, queries, hosts, compute)


@click.command("rank")
@click.option("--user-id", help="The person; without one, what is trending for everyone.")
@click.option(
    "--item-ids",
    multiple=True,
    callback=item_list,
    help="Rank only these: a JSON list, or ids separated by commas.",
)
@json_option("--interactions", 'What happened just now: \'[{"item_id": "a", "label": 1}]\'.')
@json_option("--user-features", "What is known of someone without a history: '{\"age\": 30}'.")
@_search
@json_option("--config", "Settings of this answer: '{\"diversity_factor\": 0.3}'.")
@click.option(
    "--ignore-paginations",
    is_flag=True,
    help="Show the best again, and do not note down what is shown.",
)
@click.option(
    "--flush-paginations",
    is_flag=True,
    help="Forget what the person was shown, and start over at the best.",
)
@about_items
@query_options
def rank(
    *,
    allow_hosts: tuple[str, ...],
    device: str | None,
    threads: int | None,
    home: str | None,
    as_json: bool,
    interactions: Any,  # noqa: ANN401 - any JSON value
    **query: Any,
) -> None:
    """Rank the catalogue, or what a search finds, for a person.

    Of a model with pagination_store_ttl, the same command again shows what comes next.
    """
    query["interactions"] = [] if interactions is None else _session(interactions)
    try:
        client = make_client(home, allow_hosts, device=device, threads=threads)
        response = client.rank(**query)
    except SightlineError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    _show(response, as_json=as_json)


@click.command("similar")
@click.option("--item-id", help="Find items like this one.")
@click.option("--user-id", help="Find people like this one; with --item-id, items for this one.")
@about_items
@query_options
def similar(
    *, item_id: str | None, user_id: str | None, home: str | None, as_json: bool, **query: Any
) -> None:
    """Find items like an item, or people like a person."""
    client = make_client(home)
    if item_id is not None:
        response = client.similar_items(item_id=item_id, user_id=user_id, **query)
    elif user_id is not None:
        response = client.similar_users(user_id=user_id, **query)
    else:
        message = "give --item-id or --user-id"
        raise click.UsageError(message)
    _show(response, as_json=as_json)


@click.command("complement-items")
@click.option(
    "--item-ids",
    multiple=True,
    required=True,
    callback=item_list,
    help="The basket: a JSON list, or ids separated by commas.",
)
@click.option("--user-id", help="Lean towards what this person picks.")
@about_items
@query_options
def complement_items(
    *, item_ids: list[str] | None, home: str | None, as_json: bool, **query: Any
) -> None:
    """Find what people pick together with the items of a basket."""
    if not item_ids:
        message = "--item-ids names no item"
        raise click.UsageError(message)
    _show(make_client(home).complement_items(item_ids=item_ids, **query), as_json=as_json)


@click.command("retrieve")
@click.option("--image", metavar="FILE_OR_URL", help="A picture to find the like of.")
@_search
@click.option("--user-id", help="Lean towards what this person likes.")
@json_option("--config", "Settings of this answer: '{\"personal_weight\": 0.5}'.")
@about_items
@query_options
def retrieve(
    *,
    allow_hosts: tuple[str, ...],
    device: str | None,
    threads: int | None,
    home: str | None,
    as_json: bool,
    **query: Any,
) -> None:
    """Find items by words, pictures and other items.

    A query may have several terms, joined by + and - with spaces around them, each of words, a
    picture (./photo.jpg or a URL) or an item (item:ID), with a weight before it if it is to count
    more or less: --text-query "2:red dress + ./photo.jpg - leather". Double quotes keep their
    content as words: "rock + roll".
    """
    client = make_client(home, allow_hosts, device=device, threads=threads)
    _show(client.retrieve(**query), as_json=as_json)


def _session(given: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    if isinstance(given, list) and all(isinstance(entry, dict) for entry in given):
        return list(given)
    message = f'--interactions must be a list such as [{{"item_id": "a"}}], not {given!r}'
    raise click.UsageError(message)


def _show(response: "Response", *, as_json: bool) -> None:
    if as_json:
        print_json(dict(response))
        return
    from .render import show_response

    show_response(response)


COMMANDS = (rank, similar, complement_items, retrieve)
