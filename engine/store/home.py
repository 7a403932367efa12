"""Home: the one folder where models, datasets and caches live."""

import os
import re
import shutil
from pathlib import Path

from ..errors import InvalidNameError, ModelNotFoundError
from .atomic import storage_errors

__all__ = ["Home", "check_name"]

# A name becomes a folder: no separators, no leading dot, nothing a shell or Windows would mangle.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def check_name(kind: str, name: str) -> str:
    """Return `name` if a folder of its own can carry it.

    Raises
    ------
    InvalidNameError
        For an empty or long name, a separator, ``..`` or any other character outside
        letters, digits, ``_``, ``-`` and ``.``.
    """
    if _is_name(name):
        return name
    message = (
        f"{kind} name {name!r} cannot be used: give 1 to 100 letters, digits, '_', '-' or '.', "
        "starting with a letter or digit, without '..'"
    )
    raise InvalidNameError(message)


class Home:
    """Paths of everything Sightline keeps.

    Parameters
    ----------
    path
        The folder; None takes ``SIGHTLINE_HOME``, else ``~/.sightline``. It is made on the first
        write, not before.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        chosen = path or os.environ.get("SIGHTLINE_HOME") or Path.home() / ".sightline"
        self.path = Path(chosen).expanduser().resolve()

    def model(self, name: str) -> Path:
        """Folder of the model called `name`, whether or not it exists."""
        return self.path / "models" / check_name("model", name)

    def existing_model(self, name: str) -> Path:
        """Folder of the model called `name`.

        Raises
        ------
        ModelNotFoundError
            If home holds no such model; the message lists those it holds.
        """
        folder = self.model(name)
        with storage_errors(folder, action="read"):
            if folder.is_dir():
                return folder
        known = ", ".join(self.models()) or "none"
        message = (
            f"no model {name!r} in {self.path} (models here: {known}); "
            "make it with `sightline create-model --file model.yaml`"
        )
        raise ModelNotFoundError(message)

    def models(self) -> list[str]:
        """Names of the models, sorted."""
        return _folders(self.path / "models")

    def dataset(self, name: str) -> Path:
        """Folder of the dataset called `name`, whether or not it exists."""
        return self.path / "datasets" / check_name("dataset", name)

    def datasets(self) -> list[str]:
        """Names of the datasets, sorted."""
        return _folders(self.path / "datasets")

    @property
    def images(self) -> Path:
        """Folder of the downloaded pictures."""
        return self.path / "cache" / "images"

    @property
    def vectors(self) -> Path:
        """Folder of the vector caches, one folder per encoder fingerprint."""
        return self.path / "cache" / "vectors"

    @property
    def encoders(self) -> Path:
        """Folder of the encoder packs."""
        return self.path / "encoders"

    @property
    def encoders_lock_file(self) -> Path:
        """Lock of those who add to the encoder packs."""
        return self.path / "locks" / "encoders.lock"

    def lock_file(self, name: str) -> Path:
        """Lock of the model called `name`; outside its folder, so that deleting keeps it."""
        return self.path / "locks" / f"{check_name('model', name)}.lock"

    def dataset_lock_file(self, name: str) -> Path:
        """Lock of the dataset called `name`; outside its folder, so that deleting keeps it."""
        return self.path / "locks" / "datasets" / f"{check_name('dataset', name)}.lock"

    def remove(self, folder: Path) -> None:
        """Delete `folder`; it leaves its place by one rename, so no half of it is ever seen."""
        with storage_errors(folder):
            doomed = folder.with_name(f".deleted-{folder.name}")
            shutil.rmtree(doomed, ignore_errors=True)
            folder.replace(doomed)
            shutil.rmtree(doomed)


def _folders(parent: Path) -> list[str]:
    with storage_errors(parent, action="read"):
        if not parent.is_dir():
            return []
        return sorted(
            entry.name
            for entry in parent.iterdir()
            if entry.is_dir() and _is_name(entry.name)  # what else is there is not ours
        )


def _is_name(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and ".." not in name and not name.endswith(".")
