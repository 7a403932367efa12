"""The machine into facts that encoders and models depend on: disk, GPU driver, processors."""

import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["free_bytes", "gpus", "nearest_folder", "write_obstacle"]

_QUERY = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
_TIMEOUT = 20.0


def gpus(program: str = "nvidia-smi") -> list[str] | None:
    """List the GPUs that the NVIDIA driver shows; None if there is no driver.

    Parameters
    ----------
    program
        The driver's own tool, by name or path.
    """
    found = shutil.which(program)
    if found is None:
        return None
    try:
        run = subprocess.run(
            [found, *_QUERY], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return [] if run.returncode else [line.strip() for line in run.stdout.splitlines() if line]


def nearest_folder(path: Path) -> Path:
    """Return `path` or the closest of its parents that exists."""
    return next((place for place in (path, *path.parents) if place.exists()), Path(path.anchor))


def write_obstacle(path: Path) -> str | None:
    """Say why nothing can be written into a folder; None if it can.

    A folder that does not exist yet is judged by where it would be made.
    """
    place = nearest_folder(path)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(4096))
    except OSError as error:
        reason = error.strerror or str(error)
        return reason if place == path else f"{place}: {reason}"
    return None


def free_bytes(path: Path) -> int:
    """Return the free space of the disk that a folder lies on, or would be made on."""
    return shutil.disk_usage(nearest_folder(path)).free
