"""An installation into findings: what works, what does not, and what to do about it."""

import os
import platform
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from .errors import EncoderError, SightlineError
from .installed import import_failures, owners, version_of
from .machine import free_bytes, gpus, write_obstacle
from .store.home import Home

__all__ = ["Finding", "Level", "examine"]

# Import name -> distribution, of what nothing works without and of what may be missing.
_REQUIRED = {
    "aiohttp": "aiohttp",
    "click": "click",
    "duckdb": "duckdb",
    "filelock": "filelock",
    "hnswlib": "hnswlib",
    "huggingface_hub": "huggingface-hub",
    "numba": "numba",
    "numpy": "numpy",
    "onnx": "onnx",
    "PIL.Image": "pillow",
    "polars": "polars",
    "rich": "rich",
    "simplejpeg": "simplejpeg",
    "threadpoolctl": "threadpoolctl",
    "tokenizers": "tokenizers",
    "yaml": "pyyaml",
}
_OPTIONAL = {
    "onnxruntime": "onnxruntime",
    "psycopg": "psycopg",
    "torch": "torch",
    "transformers": "transformers",
    "timm": "timm",
}
_ONE_RUNTIME = (
    "keep one: `pip uninstall -y onnxruntime onnxruntime-gpu`, then `pip install 'sightline[cpu]'` "
    "or `pip install 'sightline[gpu]'`"
)
_ONE_PILLOW = "keep one: `pip uninstall -y pillow pillow-simd`, then `pip install 'pillow>=12.3'`"
_SAFE_PILLOW = (12, 3)
_TRUE = {"1", "on", "yes", "true"}  # as huggingface_hub reads its environment
_LITTLE_SPACE = 2_000_000_000
_NO_SPACE = 50_000_000


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing needs to be done."""
    WARNING = "warning"
    """Works, but worse than it could, or not for long."""
    ERROR = "error"
    """Broken: something that was asked for cannot work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what was seen, and what to do about it, if anything."""

    topic: str
    level: Level
    text: str
    remedy: str = ""


def examine(home: str | os.PathLike[str] | None = None) -> Iterator[Finding]:
    """Look at everything that Sightline stands on, and yield findings topic by topic.

    Nothing is changed, and the network is not asked. A check that fails is a finding, not an
    exception.

    Parameters
    ----------
    home
        As of `Client`: the folder whose disk and encoder packs are looked at.
    """
    place = Home(home)
    yield _ok("Python", f"{platform.python_version()} on {platform.platform()}")
    failures = import_failures([*_REQUIRED, *(name for name in _OPTIONAL if _has(name))])
    yield from _libraries(failures)
    if "PIL.Image" not in failures:
        yield from _checked("pictures", _pictures)
    yield from _owners_of("onnxruntime", remedy=_ONE_RUNTIME)
    if "onnxruntime" not in failures:
        yield from _checked("device", _device)
    if "numba" not in failures:
        yield from _checked("kernels", _kernels)
        yield from _checked("processor", _processor)
    yield from _checked("home", lambda: _home(place))
    yield from _checked("encoders", lambda: _packs(place))
    if "huggingface_hub" not in failures:
        yield from _checked("hub", _hub)


def _ok(topic: str, text: str) -> Finding:
    return Finding(topic, Level.OK, text)


def _of_error(topic: str, level: Level, error: SightlineError) -> Finding:
    """Take an error's sentence apart: what happened, and after the semicolon what to do."""
    text, _, remedy = str(error).partition("; ")
    return Finding(topic, level, text, remedy)


def _has(module: str) -> bool:
    return find_spec(module) is not None


def _checked(topic: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # whatever is broken here, the other checks go on
        text = f"could not be examined: {type(error).__name__}: {error}"
        yield Finding(topic, Level.ERROR, text, "reinstall what the message names")


def _libraries(failures: dict[str, str]) -> Iterator[Finding]:
    yield _ok("versions", _versions())
    for module, failure in failures.items():
        distribution = _REQUIRED.get(module) or _OPTIONAL[module]
        found = ", ".join(owners(module.partition(".")[0])) or "not installed"
        remedy = f"`pip install --force-reinstall {distribution}`"
        if module == "hnswlib":
            # Its wheel is compiled where it is installed, for that processor alone.
            remedy = "`pip install --force-reinstall --no-binary :all: --no-cache-dir hnswlib`"
        if module == "PIL.Image":
            remedy = _ONE_PILLOW
        if module == "onnxruntime":
            remedy = _ONE_RUNTIME
        text = f"{distribution} ({found}) cannot be imported: {failure}"
        yield Finding("versions", Level.ERROR, text, remedy)


def _versions() -> str:
    names = ["sightline", *_REQUIRED.values(), *_OPTIONAL.values()]
    versions = {name: version for name in names if (version := version_of(name))}
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _owners_of(package: str, *, remedy: str) -> Iterator[Finding]:
    found = owners(package)
    if len(found) > 1:
        text = (
            f"{' and '.join(found)} are both installed and overwrite each other's files: "
            "which one runs is chance, and removing one breaks the other"
        )
        yield Finding(package, Level.WARNING, text, remedy)
    elif found:
        yield _ok(package, f"is from {found[0]}")


def _pictures() -> Iterator[Finding]:
    from .images.codec import lacking_formats, pillow_version

    yield from _owners_of("PIL", remedy=_ONE_PILLOW)
    version = pillow_version()
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < _SAFE_PILLOW:
        text = (
            f"Pillow's code is of version {version}; before 12.3 a picture made for it can write "
            "outside of its memory"
        )
        remedy = f"{_ONE_PILLOW}; or let it read pictures of people you trust only"
        yield Finding("pictures", Level.WARNING, text, remedy)
    lacking = lacking_formats()
    if lacking:
        text = f"this Pillow was built without {', '.join(lacking)}: such pictures are not read"
        remedy = "install the wheel, which has them all: `pip install --force-reinstall pillow`"
        yield Finding("pictures", Level.WARNING, text, remedy)
    else:
        yield _ok("pictures", "every format can be decoded: JPEG, PNG, WebP, GIF, AVIF, BMP, TIFF")


def _device() -> Iterator[Finding]:
    from .encode.device import Compute, choose_device, import_onnxruntime, thread_count

    seen = gpus()
    if seen:
        yield _ok("GPU", "; ".join(seen))
    elif seen is None:
        yield _ok("GPU", "no NVIDIA driver was seen")
    else:
        text = "there is an NVIDIA driver, but it shows no GPU"
        yield Finding(
            "GPU", Level.WARNING, text, "`nvidia-smi` says why; in a container: --gpus all"
        )
    if not _has("onnxruntime"):
        text = "ONNX Runtime is not installed: of all encoders only `attributes` works"
        remedy = (
            "`pip install 'sightline[cpu]'` or, for an NVIDIA GPU, `pip install 'sightline[gpu]'`"
        )
        yield Finding("device", Level.WARNING, text, remedy)
        return
    try:
        runtime = import_onnxruntime()
        compute = Compute.chosen()
        device = choose_device(compute)
    except EncoderError as error:
        yield _of_error("device", Level.ERROR, error)
        return
    compiled = ", ".join(
        name.removesuffix("ExecutionProvider") for name in runtime.get_available_providers()
    )
    threads = thread_count(compute) or "one thread per core"
    yield _ok("device", f"{device.why}; threads: {threads}; compiled for: {compiled}")
    if seen and device.kind == "cpu" and compute.device != "cpu":
        try:
            choose_device(Compute("cuda"))
        except EncoderError as error:
            yield _of_error("device", Level.WARNING, error)


def _kernels() -> Iterator[Finding]:
    from sightline_kernels.compile import cache_folder

    remedy = "set NUMBA_CACHE_DIR to a folder that this user may write to"
    try:
        folder = cache_folder()
    except RuntimeError as error:
        yield Finding("kernels", Level.ERROR, f"Numba cannot keep machine code: {error}", remedy)
        return
    if folder is None:
        text = (
            "NUMBA_DISABLE_JIT is set: compiled loops run as plain Python, hundreds of times slower"
        )
        yield Finding("kernels", Level.WARNING, text, "unset NUMBA_DISABLE_JIT")
    elif (wish := os.environ.get("NUMBA_CACHE_DIR")) and not Path(folder).is_relative_to(wish):
        text = f"NUMBA_CACHE_DIR is {wish}, but machine code is kept in {folder}"
        yield Finding("kernels", Level.WARNING, text, f"{remedy}, or unset it")
    else:
        yield _ok("kernels", f"machine code is kept in {folder}")


def _processor() -> Iterator[Finding]:
    from sightline_kernels.compile import cpu_features

    features = cpu_features()
    counted = f"{platform.machine()}, {os.cpu_count()} logical cores"
    fast = sorted(features & {"avx2", "avx512f", "avx512vnni", "avxvnni", "dotprod", "i8mm"})
    yield _ok("processor", f"{counted}; {', '.join(fast) or 'no vector instructions of note'}")
    if platform.machine().lower() in {"x86_64", "amd64"} and "avx2" not in features:
        text = "without AVX2 encoders and searches take several times as long"
        yield Finding("processor", Level.WARNING, text, "a virtual machine may be hiding it")
    if not features & {"avx512vnni", "avxvnni", "dotprod", "i8mm"}:
        text = "without VNNI, packs in int8 gain less over fp32 than elsewhere"
        yield Finding("processor", Level.NOTE, text)


def _home(home: Home) -> Iterator[Finding]:
    exists = "" if home.path.exists() else " (not made yet)"
    if obstacle := write_obstacle(home.path):
        text = f"{home.path}{exists} cannot be written to: {obstacle}"
        yield Finding("home", Level.ERROR, text, "choose another with --home or SIGHTLINE_HOME")
        return
    free = free_bytes(home.path)
    text = f"{home.path}{exists}, {free / 1e9:,.1f} GB free"
    remedy = "free some space, or choose another disk with --home or SIGHTLINE_HOME"
    if free < _NO_SPACE:
        yield Finding("home", Level.ERROR, f"{text}: too little to build anything", remedy)
    elif free < _LITTLE_SPACE:
        text = f"{text}: an encoder pack takes up to 2 GB"
        yield Finding("home", Level.WARNING, text, remedy)
    else:
        yield _ok("home", text)


def _packs(home: Home) -> Iterator[Finding]:
    from .packs import Packs

    packs = Packs(home)
    entries = packs.all()
    for entry in entries:
        try:
            packs.verify(entry, again=True)
        except SightlineError as error:
            yield _of_error("encoders", Level.ERROR, error)
        else:
            size = sum((entry.files / name).stat().st_size for name in entry.pack.files)
            text = f"{entry.pack.name}:{entry.pack.precision}, {size / 1e6:,.1f} MB, is intact"
            yield _ok("encoders", f"{text} in {entry.files}")
    known = {entry.folder for entry in entries}
    for folder in sorted(home.encoders.glob("[!.]*")):
        if folder not in known:
            text = f"{folder} is not a pack that this version can read"
            remedy = "remove it, if it is not of a newer Sightline; it is made anew when asked for"
            yield Finding("encoders", Level.WARNING, text, remedy)


def _hub() -> Iterator[Finding]:
    from .encode.hub import Hub

    hub = Hub()
    host = urlsplit(hub.address).hostname  # not the address: a mirror's may hold a password
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in _TRUE:
        text = f"HF_HUB_OFFLINE is set: encoders come from {hub.cache} or the home, or not at all"
        yield Finding("hub", Level.NOTE, text)
    if obstacle := write_obstacle(hub.cache):
        text = f"downloads from {host} cannot be kept in {hub.cache}: {obstacle}"
        yield Finding("hub", Level.WARNING, text, "set HF_HOME to a folder that can be written to")
    else:
        yield _ok("hub", f"downloads from {host} are kept in {hub.cache}")
