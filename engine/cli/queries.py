"""Commands that ask a model: rank, similar, complement-items, retrieve."""

from typing import TYPE_CHECKING

import click

from .options import (
    explain,
    filter_predicate,
    item_list,
    make_client,
    print_json,
    query_options,
)

if TYPE_CHECKING:
    from ..rank.response import Response

__all__ = ["COMMANDS"]


@click.command("rank")
@click.option("--user-id", help="The person; without one, what is trending for everyone.")
@click.option(
    "--item-ids",
    multiple=True,
    callback=item_list,
    help="Rank only these: a JSON list, or ids separated by commas.",
)
@filter_predicate
@explain
@query_options
def rank(
    model_name: str,
    user_id: str | None,
    item_ids: list[str] | None,
    filter_predicate: str | None,
    limit: int | None,
    return_metadata: bool,
    explain: bool,
    home: str | None,
    as_json: bool,
) -> None:
    """Rank the catalogue for a person."""
    response = make_client(home).rank(
        model_name,
        user_id,
        item_ids=item_ids,
        filter_predicate=filter_predicate,
        limit=limit,
        return_metadata=return_metadata,
        explain=explain,
    )
    _show(response, as_json)


@click.command("similar")
@click.option("--item-id", help="Find items like this one.")
@click.option("--user-id", help="Find people like this one; with --item-id, items for this one.")
@filter_predicate
@explain
@query_options
def similar(
    model_name: str,
    item_id: str | None,
    user_id: str | None,
    filter_predicate: str | None,
    limit: int | None,
    return_metadata: bool,
    explain: bool,
    home: str | None,
    as_json: bool,
) -> None:
    """Find items like an item, or people like a person."""
    client = make_client(home)
    if item_id is not None:
        response = client.similar_items(
            model_name,
            item_id,
            user_id=user_id,
            filter_predicate=filter_predicate,
            limit=limit,
            return_metadata=return_metadata,
            explain=explain,
        )
    elif user_id is not None:
        if filter_predicate or explain:
            message = "--filter-predicate and --explain go with --item-id"
            raise click.UsageError(message)
        response = client.similar_users(
            model_name, user_id, limit=limit, return_metadata=return_metadata
        )
    else:
        message = "give --item-id or --user-id"
        raise click.UsageError(message)
    _show(response, as_json)


@click.command("complement-items")
@click.option(
    "--item-ids",
    multiple=True,
    required=True,
    callback=item_list,
    help="The basket: a JSON list, or ids separated by commas.",
)
@click.option("--user-id", help="Lean towards what this person picks.")
@filter_predicate
@explain
@query_options
def complement_items(
    model_name: str,
    item_ids: list[str] | None,
    user_id: str | None,
    filter_predicate: str | None,
    limit: int | None,
    return_metadata: bool,
    explain: bool,
    home: str | None,
    as_json: bool,
) -> None:
    """Find what people pick together with the items of a basket."""
    response = make_client(home).complement_items(
        model_name,
        item_ids or [],
        user_id=user_id,
        filter_predicate=filter_predicate,
        limit=limit,
        return_metadata=return_metadata,
        explain=explain,
    )
    _show(response, as_json)


@click.command("retrieve")
@click.option("--text-query", help="Words to look for.")
@click.option("--image", metavar="FILE_OR_URL", help="A picture to find the like of.")
@click.option(
    "--allow-hosts", multiple=True, metavar="HOST", help="Private hosts --image may come from."
)
@filter_predicate
@explain
@query_options
def retrieve(
    model_name: str,
    text_query: str | None,
    image: str | None,
    allow_hosts: tuple[str, ...],
    filter_predicate: str | None,
    limit: int | None,
    return_metadata: bool,
    explain: bool,
    home: str | None,
    as_json: bool,
) -> None:
    """Find items by words, by a picture, or by both."""
    response = make_client(home, allow_hosts=allow_hosts).retrieve(
        model_name,
        text_query=text_query,
        image=image,
        filter_predicate=filter_predicate,
        limit=limit,
        return_metadata=return_metadata,
        explain=explain,
    )
    _show(response, as_json)


def _show(response: "Response", as_json: bool) -> None:
    if as_json:
        print_json(dict(response))
        return
    from .render import show_response

    show_response(response)


COMMANDS = (rank, similar, complement_items, retrieve)
