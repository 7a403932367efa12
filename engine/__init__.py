"""Sightline: a catalogue, its pictures and what people did, turned into ranked items."""

from typing import TYPE_CHECKING, Any

from .errors import SightlineError

if TYPE_CHECKING:
    from .client import Client, Shaped
    from .rank.response import LabelResponse, Response

__version__ = "0.1.0"
__all__ = ["Client", "LabelResponse", "Response", "Shaped", "SightlineError", "__version__"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # Lazy (PEP 562): `sightline --help` imports this package, and must not pay for numpy.
    if name in {"Client", "Shaped"}:
        from . import client

        return getattr(client, name)
    if name in {"LabelResponse", "Response"}:
        from .rank import response

        return getattr(response, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
