"""The generations that a client has open, one per model, each until the next is active."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from .errors import CorruptGenerationError
from .store.generation import active_stamp, open_active
from .store.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable

    from .encoders import Encoders
    from .serve import Serving

__all__ = ["OpenModels"]

_Stamp: TypeAlias = tuple[int, int, int] | None


class OpenModels:
    """Opens models on their first query; threads may share it."""

    def __init__(self, home: Home, encoders: "Callable[[], Encoders]", threads: int) -> None:
        self._home = home
        self._encoders = encoders
        self._threads = threads
        self._opening = threading.Lock()
        self._kept: dict[str, tuple[_Stamp, Serving]] = {}

    def serving(self, model_name: str) -> "Serving":
        """Return the active generation of a model, opened once; a new one takes over at once.

        Raises
        ------
        ModelNotFoundError, ModelNotActiveError, CorruptGenerationError, FormatTooNewError
            If there is nothing to answer from.
        """
        folder = self._home.existing_model(model_name)
        stamp = active_stamp(folder)
        kept = self._kept.get(model_name)
        if kept is None or kept[0] != stamp:
            with self._opening:
                kept = self._kept.get(model_name)
                if kept is None or kept[0] != stamp:
                    kept = self._kept[model_name] = (stamp, self._open(folder, stamp))
        return kept[1]

    def forget(self, model_name: str) -> None:
        """Let go of a model that was deleted."""
        self._kept.pop(model_name, None)

    def _open(self, folder: Path, stamp: _Stamp) -> "Serving":
        from .serve import Serving

        while True:
            try:
                return Serving(open_active(folder), self._encoders, self._threads)
            except (CorruptGenerationError, OSError):
                if (now := active_stamp(folder)) == stamp:
                    raise
                stamp = now  # others ended meanwhile and swept away the one that was being opened
