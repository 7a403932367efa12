"""The Python environment into what is installed in it, who brought it, and whether it imports."""

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata

__all__ = ["import_failures", "owners", "version_of"]

# Each line of ours is marked: a library may print while it is imported.
_MARK = "sightline> "
_IMPORT_EACH = f"""
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
        result = "ok"
    except BaseException as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        result = f"{{type(error).__name__}}: {{reason}}"
    print({_MARK!r} + result, flush=True)
"""
_TIMEOUT = 120.0


def owners(package: str, path: Sequence[str] | None = None) -> list[str]:
    """List the distributions that brought an import package, such as ``["pillow 13.0.0"]``.

    More than one means that they wrote over each other's files, which pip does not tell: which of
    them is imported depends on the order, and removing one leaves the other in ruins.

    Parameters
    ----------
    package
        Its import name, at the top level.
    path
        Folders to look in; None takes ``sys.path``. Of several that hold the package, only the
        first counts, as for an import.
    """
    by_folder: dict[str, set[str]] = {}
    for distribution in metadata.distributions(path=list(sys.path if path is None else path)):
        if _brings(distribution, package):
            folder = str(distribution.locate_file(""))
            by_folder.setdefault(folder, set()).add(f"{distribution.name} {distribution.version}")
    return sorted(next(iter(by_folder.values()), ()))


def _brings(distribution: metadata.Distribution, package: str) -> bool:
    record = distribution.read_text("RECORD")
    if record is not None:
        return re.search(rf"^{re.escape(package)}(/|\.py,)", record, re.MULTILINE) is not None
    return package in (distribution.read_text("top_level.txt") or "").split()


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def import_failures(modules: Sequence[str]) -> dict[str, str]:
    """Import modules, in a process of their own; return those that fail, with the reason.

    A library that was compiled for another processor ends the process that imports it: that is a
    reason as well, and the modules after it are tried in another process.
    """
    failures: dict[str, str] = {}
    left = list(modules)
    while left:
        results, end = _import_each(left)
        failures |= {
            name: result for name, result in zip(left, results, strict=False) if result != "ok"
        }
        left = left[len(results) :]
        if left:
            failures[left.pop(0)] = end
    return failures


def _import_each(modules: Sequence[str]) -> tuple[list[str], str]:
    """Return one result per module until the process ended, and how it ended."""
    command = [sys.executable, "-c", _IMPORT_EACH, *modules]
    # The output goes to a file, not to a pipe: what was printed before a time-out is kept.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            code = subprocess.run(
                command, stdout=output, stderr=subprocess.DEVNULL, timeout=_TIMEOUT, check=False
            ).returncode
            end = f"it ended the process with {_name(code)}"
        except subprocess.TimeoutExpired:
            end = f"it was not imported within {_TIMEOUT:.0f} seconds"
        output.seek(0)
        lines = output.read().splitlines()
    return [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)], end


def _name(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"code {code}"
