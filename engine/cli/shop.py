"""The command `demo`: a drawn shop, built, ranked and shown."""

import click

from .options import as_json, home, print_json

__all__ = ["COMMANDS"]


@click.command("demo")
@click.option(
    "--page",
    type=click.Path(dir_okay=False),
    help="Where to write the page with the pictures.  [default: demo/index.html in home]",
)
@home
@as_json
def demo(page: str | None, home: str | None, as_json: bool) -> None:
    """Draw a shop, build a model of it, rank it, and write a page with the pictures; offline."""
    from ..demo.run import run_demo
    from .progress import follow

    click.echo("Drawing a shop of 600 products and what its 300 people did …", err=True)
    with follow() as listener:
        result = run_demo(home, page, on_status=listener)
    if as_json:
        print_json(result.figures())
        return
    from .render import show_model, show_response

    show_model(result.view)
    click.echo(f"\nfor {result.user_id}:")
    show_response(result.ranked)
    click.echo(f"\nlike {result.item_id}:")
    show_response(result.similar)
    click.echo(f"\n{result.query}:")
    show_response(result.found)
    click.echo(f"\nthe pictures: {result.page}")


COMMANDS = (demo,)
