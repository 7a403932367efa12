"""Commands about encoders: list, show, pull, build, check."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import click

from .options import as_json, compute, home, make_client, print_json

__all__ = ["COMMANDS"]

_name = click.argument("name")


@click.group("encoders")
def encoders() -> None:
    """List, pull, build and check encoders, which turn pictures and texts into vectors.

    NAME is `sightline-mini` (the default) or `attributes`, which come with Sightline, a folder, a
    Hugging Face id such as openai/clip-vit-base-patch32, maybe with @REVISION, or an immich id such
    as ViT-B-32__openai; these maybe with :fp32, :fp16 or :int8.
    """


@encoders.command("list")
@home
@as_json
def list_encoders(home: str | None, as_json: bool) -> None:
    """List the encoders that are ready to use."""
    listed = make_client(home).encoders.list()
    if as_json:
        print_json({"encoders": listed})
        return
    from .render import show_records

    told = ("name", "precision", "dim", "reads", "licence", "source")
    records = [{key: line.get(key) for key in told} for line in listed]
    show_records(records, empty="no encoders")


@encoders.command("show")
@_name
@home
@as_json
def show(name: str, home: str | None, as_json: bool) -> None:
    """Show what is known of an encoder; nothing is downloaded."""
    _show(make_client(home).encoders.show(name), as_json=as_json)


@encoders.command("pull")
@_name
@home
@as_json
def pull(name: str, home: str | None, as_json: bool) -> None:
    """Fetch an encoder of the hub, or its newest version, and build it.

    Models built with an earlier one keep it until `sightline update-model`.
    """
    client = make_client(home)
    with _progress() as progress:
        shown = client.encoders.pull(name, progress=progress)
    _show(shown, as_json=as_json)


@encoders.command("build")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", help="What it is to be chosen by.  [default: the folder's path]")
@click.option(
    "--precision",
    type=click.Choice(["fp32", "fp16", "int8"]),
    help="fp16 is for GPUs, int8 for CPUs.  [default: fp32, or what a ready-made folder has]",
)
@home
@as_json
def build(
    folder: Path,
    name: str | None,
    precision: Literal["fp32", "fp16", "int8"] | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Make an encoder of a FOLDER: checkpoint, pack or ready-made ONNX."""
    client = make_client(home)
    with _progress() as progress:
        shown = client.encoders.build(folder, name=name, precision=precision, progress=progress)
    _show(shown, as_json=as_json)


@encoders.command("check")
@_name
@compute
@home
@as_json
def check(
    name: str, device: str | None, threads: int | None, home: str | None, as_json: bool
) -> None:
    """Verify an encoder's files; print agreement, dim and speed on this machine."""
    client = make_client(home, device=device, threads=threads)
    with _progress() as progress:
        report = client.encoders.check(name, progress=progress)
    _show(report, as_json=as_json)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show the steps of a pull or build as those of a model's build are shown."""
    from ..store.status import State, Status
    from .progress import follow

    with follow() as hear:
        yield lambda step, done, total: hear(Status(State.FETCHING, step, done, total))


def _show(document: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(document)
        return
    for key, value in document.items():
        if key == "files":
            _show_line(key, f"{len(value)}")
        elif isinstance(value, Mapping):
            for name, part in value.items():
                _show_line(f"{key}, {name}", part)
        else:
            _show_line(key, value)


def _show_line(key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {_short(part)}" for name, part in value.items())
    if value is not None:
        click.echo(f"{key.replace('_', ' '):<22}{_short(value)}")


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


COMMANDS = (encoders,)
