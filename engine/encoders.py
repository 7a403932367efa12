"""The encoders of a home: opened by name for a build, and by record for a query."""

# First stand by the lead, so that build and serve have something to call: to be replaced by the
# full one. The callers rely on: Encoders(home, compute), open(name, progress=...), record(encoder),
# reopen(record). A record has name, is_joint, images {fingerprint, dim}, texts {...} or None.

from collections.abc import Callable, Mapping
from typing import Any

from .encode.attributes import AttributesTower
from .encode.base import Encoder
from .encode.device import Compute
from .errors import EncoderError
from .store.home import Home

__all__ = ["Encoders"]


class Encoders:
    """Opens the encoders that models name."""

    def __init__(self, home: Home, compute: Compute = Compute()) -> None:  # noqa: B008
        self._home = home
        self._compute = compute

    def open(
        self, name: str, *, progress: Callable[[str, int, int], None] | None = None
    ) -> Encoder:
        """Open the encoder of this name, pulled and built into the home on its first use."""
        if name == "attributes":
            return Encoder(name, AttributesTower())
        message = f"there is no encoder {name!r}"
        raise EncoderError(message)

    def record(self, encoder: Encoder) -> dict[str, Any]:
        """Return what a manifest keeps of an encoder, and `reopen` finds it by."""
        towers = {"images": encoder.images, "texts": encoder.texts}
        return {
            "name": encoder.name,
            "is_joint": encoder.is_joint,
            **{
                kind: tower and {"fingerprint": tower.fingerprint, "dim": tower.dim}
                for kind, tower in towers.items()
            },
        }

    def reopen(self, record: Mapping[str, Any]) -> Encoder:
        """Open the encoder that a generation was built with; never asks the network."""
        return self.open(record["name"])
