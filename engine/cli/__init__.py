"""The command line: parse, call `Client`, print; every command takes --json and --home."""

from typing import Any

import click

from ..errors import SightlineError
from . import data, doctor, encoders, evaluation, export, images, labels, models, queries, shop
from .options import home

__all__ = ["main"]


class _Group(click.Group):
    """Shows a Sightline error as one line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever a command returns
        try:
            return super().invoke(ctx)
        except SightlineError as error:
            raise click.ClickException(str(error)) from error


@click.group(
    cls=_Group,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": lambda token: token.replace("_", "-"),
    },
)
@click.version_option(package_name="sightline")
@home
def main(home: str | None) -> None:
    """Ranked items from pictures and behaviour, in one process, on this machine.

    Start with `sightline demo`, with `sightline index FOLDER` for a folder of photos, or with
    `sightline create-model --file model.yaml` for a catalogue and its events.
    """


_GROUPS = (models, images, queries, evaluation, labels, export, data, encoders, shop, doctor)
for command in (command for group in _GROUPS for command in group.COMMANDS):
    main.add_command(command)
