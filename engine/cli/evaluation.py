"""The command that judges a model."""

import click

from .options import as_json, compute, home, make_client, model_name, print_json

__all__ = ["COMMANDS"]


@click.command("evaluate")
@model_name
@click.option(
    "--split",
    type=click.Choice(["user-time", "global-time"]),
    default="user-time",
    show_default=True,
    help="What is held out: everyone's last picks, or all that came after one moment.",
)
@click.option(
    "--ablate",
    is_flag=True,
    help="Learn again without pictures, without words, without behaviour: what each buys.",
)
@compute
@home
@as_json
def evaluate(
    *,
    model_name: str,
    split: str,
    ablate: bool,
    device: str | None,
    threads: int | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Judge how well a model foretells what people picked, beside simple rankings."""
    from .progress import follow_steps

    client = make_client(home, device=device, threads=threads)
    with follow_steps() as listener:
        report = client.evaluate(model_name, split=split, ablate=ablate, on_progress=listener)
    if as_json:
        print_json(report)
        return
    from .evaluation_table import show_evaluation

    show_evaluation(report)


COMMANDS = (evaluate,)
