"""The architecture as a table, and a reading of every import that holds the code to it."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FOLDERS = {"sightline": "engine", "sightline_kernels": "kernels", "sightline_models": "models"}
STAGES = ("sources", "images", "encode", "features", "learn", "index", "rank", "store")

# What every stage sees of the project, besides its own modules.
SHARED = (
    "errors",
    "types",
    "half",
    "config",
    "inference",
    "policies",
    "moments",
    "recency",
    "__version__",
    "sightline_kernels",
)

# Module or package -> the other parts of the project it may import, also inside functions. A
# package's line holds for all its modules. `sightline.` is left out of the names.
IMPORTS: dict[str, tuple[str, ...]] = {
    # The public names and the shared vocabulary.
    "sightline": ("errors", "client", "rank.response"),
    "errors": (),
    "half": (),
    "types": ("half",),
    "documents": ("errors",),
    "sections": ("errors",),
    "label_set": ("errors", "sections"),
    "inference": ("errors", "sections"),
    "image_config": ("errors", "sections"),
    "index_config": ("errors", "sections"),
    "policies": ("errors", "sections"),
    "moments": (),
    "recency": (),
    "config": (
        "documents",
        "errors",
        "image_config",
        "index_config",
        "inference",
        "label_set",
        "policies",
        "sections",
    ),
    # Stages never meet.
    **dict.fromkeys(STAGES, SHARED),
    "encode": (*SHARED, "sightline_models"),
    # What joins them: to build, to write and open a generation, to serve.
    "inputs": (
        *SHARED,
        *STAGES,
        "given",
        "label_set",
        "labels",
        "learning",
        "pictures",
        "stand_ins",
        "tables",
        "texts",
    ),
    "deploying": (
        *SHARED,
        *STAGES,
        "freezing",
        "indexing",
        "inputs",
        "label_set",
        "labels",
        "learning",
        "lexicon",
        "newcomers",
        "scoring",
        "snapshot",
        "tables",
    ),
    "build": (
        *SHARED,
        *STAGES,
        "deploying",
        "freezing",
        "encoders",
        "hiding",
        "inputs",
        "labels",
        "learning",
        "newcomers",
        "scoring",
        "stand_ins",
        "trial",
    ),
    "carrying": (*SHARED, "learn", "learning", "newcomers", "rank", "snapshot"),
    "syncing": (
        *SHARED,
        *STAGES,
        "carrying",
        "deploying",
        "encoders",
        "freezing",
        "inputs",
        "learning",
        "snapshot",
    ),
    "lexicon": ("features", "sources"),
    # What learns from histories and judges what was learned.
    "boosted": ("errors", "learn.fusion", "policies", "rank.trees"),
    "threads": (),
    "learning": (*SHARED, "features", "index", "learn", "rank", "threads"),
    "newcomers": (*SHARED, "features", "learn", "rank"),
    "scoring": (*SHARED, "boosted", "learn", "rank"),
    "hiding": ("snapshot", "tables", "types"),
    "trial": (*SHARED, "hiding", "learn", "learning", "rank", "scoring", "threads"),
    "given": (*SHARED, "sources", "encode"),
    "encoders": (*SHARED, "encode", "store", "packs", "weights", "sightline_models"),
    "packs": (*SHARED, "store", "sightline_models"),
    "weights": (*SHARED, "encode", "sightline_models"),
    "tables": (*SHARED, "sources", "encode", "label_set", "store"),
    "freezing": (
        *SHARED,
        *STAGES,
        "label_set",
        "labels",
        "pictures",
        "snapshot",
        "tables",
    ),
    "derived": (*SHARED, "images", "encode", "features", "store"),
    "pictures": (*SHARED, "derived", "images", "encode", "features", "store"),
    "texts": (*SHARED, "encode", "store"),
    "indexing": (*SHARED, "index", "learn"),
    "snapshot": (
        *SHARED,
        "features",
        "indexing",
        "learn",
        "learning",
        "newcomers",
        "index",
        "rank",
        "scoring",
        "store",
    ),
    "algebra": ("errors",),
    "known": ("errors", "store", "types"),
    "probes": (*SHARED, "algebra", "encode", "encoders", "pictures"),
    "searching": (*SHARED, "algebra", "encode", "encoders", "known", "probes", "rank"),
    "stand_ins": ("errors", "image_config", "probes", "types"),
    "labels": (*SHARED, "encode", "label_set", "probes", "rank"),
    "live": (*SHARED, "learn", "sources.weights", "store"),
    "ordering": (*SHARED, "rank"),
    "paging": ("errors", "ordering", "rank", "sections", "store", "types"),
    "answers": (*SHARED, "rank", "store"),
    "explaining": (*SHARED, "answers", "rank"),
    "filtering": (*SHARED, "rank", "snapshot"),
    "serve": (
        *SHARED,
        "algebra",
        "answers",
        "encoders",
        "explaining",
        "filtering",
        "known",
        "label_set",
        "labels",
        "live",
        "ordering",
        "paging",
        "rank",
        "searching",
        "store",
        "snapshot",
        "threads",
    ),
    "relabel": (*SHARED, "encoders", "label_set", "labels", "rank", "serve", "snapshot", "store"),
    "output": ("errors", "store"),
    "export": (*SHARED, "output", "snapshot", "store"),
    # The facade and what it stands on.
    "folder": ("errors",),
    "models": (
        *SHARED,
        "build",
        "encoders",
        "folder",
        "label_set",
        "sources.connect",
        "store",
        "syncing",
    ),
    "opened": ("errors", "encoders", "serve", "store"),
    "queries": ("algebra", "errors", "inference", "opened", "rank"),
    "feeding": ("config", "models", "sources.connect", "store"),
    "imagery": (*SHARED, "encoders", "images", "pictures", "snapshot", "store"),
    "reporting": ("encoders", "imagery", "store.home"),
    "evaluating": (
        *SHARED,
        "features",
        "hiding",
        "learn",
        "learning",
        "rank",
        "snapshot",
        "store",
        "trial",
    ),
    "labelling": ("encoders", "label_set", "queries", "rank", "relabel", "store.home"),
    "client": (
        *SHARED,
        "encode.device",
        "encoders",
        "evaluating",
        "export",
        "feeding",
        "labelling",
        "models",
        "opened",
        "folder",
        "reporting",
        "tables",
        "sources.connect",
        "store",
    ),
    # Looks at the installation rather than at a home's content.
    "installed": (),
    "machine": (),
    "doctor": (
        "errors",
        "encode.device",
        "encode.hub",
        "images.codec",
        "installed",
        "machine",
        "packs",
        "store.home",
        "sightline_kernels",
    ),
    # Those who use the facade, and the types of its answers.
    "demo": ("client", "errors", "types", "images", "rank.response", "store.status"),
    "cli": (
        "client",
        "doctor",
        "errors",
        "demo",
        "images.outcome",
        "output",
        "rank.response",
        "store.status",
    ),
    "__main__": ("cli",),
    # Packages of their own.
    "sightline_kernels": (),
    "sightline_models": (),
}

# Library -> who may import it. One door each, so that replacing it is work in one place.
DOORS: dict[str, tuple[str, ...]] = {
    "numpy": ("sightline", "sightline_kernels", "sightline_models"),
    "polars": ("sightline",),
    "duckdb": ("sources",),
    "psycopg": ("sources",),
    "sqlite3": ("sources", "images.index", "store.pages"),
    "PIL": ("images",),
    "simplejpeg": ("images",),
    "aiohttp": ("images",),
    "yarl": ("images",),
    "fsspec": ("images",),
    "gcsfs": ("images",),
    "onnx": ("sightline_models",),
    "onnxruntime": ("encode", "sightline_models.torch_export"),
    "torch": ("sightline_models.torch_export",),
    "transformers": ("sightline_models.torch_export",),
    "timm": ("sightline_models.torch_export",),
    "tokenizers": ("encode", "sightline_models"),
    "huggingface_hub": ("encode",),
    "hnswlib": ("index",),
    "filelock": ("store",),
    "yaml": ("documents",),
    "click": ("cli",),
    "rich": ("cli",),
    "lightgbm": ("boosted",),
    "threadpoolctl": ("threads",),
    "numba": ("sightline_kernels",),
    "llvmlite": ("sightline_kernels",),
}

# Kernels have no business with files, clocks or the environment.
KERNEL_STDLIB = ("__future__", "collections.abc", "math", "typing")

HEAVY = ("numpy", "polars", "numba", "duckdb", "PIL", "aiohttp", "onnxruntime", "hnswlib")
LONGEST = 400


def module_files() -> dict[str, Path]:
    """Every module of the three packages, by the name it is imported under."""
    modules = {}
    for package, folder in FOLDERS.items():
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            parts = path.relative_to(CHECKOUT / folder).with_suffix("").parts
            modules[".".join((package, *parts)).removesuffix(".__init__")] = path
    return modules


MODULES = module_files()


def starting_point(node: ast.ImportFrom, package: str) -> str:
    """Return what `from X import` starts from, with the leading dots of X resolved."""
    if not node.level:
        return node.module or ""
    above = package.split(".")[: package.count(".") + 2 - node.level]
    return ".".join((*above, node.module) if node.module else above)


def imported_names(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the full name of everything imported, wherever in the source it is."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(names=names):
                start = starting_point(node, package)
                yield from ((node.lineno, f"{start}.{alias.name}") for alias in names)
            case ast.Call(
                func=ast.Name("import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(str(name)), *_],
            ):
                yield node.lineno, name


def within(name: str, parts: tuple[str, ...]) -> bool:
    """Whether `name` is one of `parts` or lies in one; all as the tables spell them."""
    short = name.removeprefix("sightline.")
    return any(short == part or f"{short}.".startswith(f"{part}.") for part in parts)


def line_of(module: str) -> str | None:
    """Return the key of IMPORTS that `module` falls under: its own, or that of its package."""
    if (short := module.removeprefix("sightline.")) in IMPORTS:
        return short
    package = module.rpartition(".")[0]
    return None if package in {"", "sightline"} else line_of(package)


def objection(name: str, module: str, line: str) -> str | None:
    """Say why `module`, under the key `line` of IMPORTS, may not import `name`; None if it may."""
    root = name.partition(".")[0]
    if root in FOLDERS:
        allowed = ", ".join(IMPORTS[line]) or "nothing else of the project"
        reason = f"{line} imports {allowed}: pass the value in, or join the two in build or serve"
        return None if within(name, (line, *IMPORTS[line])) else reason
    if root in DOORS:
        everywhere = "sightline" in DOORS[root] and module.startswith("sightline.")
        reason = f"only {', '.join(DOORS[root])} may: ask there for what is needed"
        return None if everywhere or within(module, DOORS[root]) else reason
    if root not in sys.stdlib_module_names:
        return "it has no door: declare it in pyproject.toml and give it a line in DOORS"
    if line == "sightline_kernels" and not within(name, KERNEL_STDLIB):
        return f"kernels import numpy, numba and {', '.join(KERNEL_STDLIB)}: leave it to the caller"
    return None


def violations(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return one sentence per import of `source` that the tables do not allow."""
    line = line_of(module)
    if line is None:
        return [f"{module} has no line in IMPORTS: say there what it may import, or move it"]
    package = module if is_package else module.rpartition(".")[0]
    return [
        f"{module}:{number} imports {name}, but {reason}"
        for number, name in imported_names(source, package)
        if (reason := objection(name, module, line))
    ]


def test_every_import_is_one_that_the_tables_allow() -> None:
    found = [
        violation
        for module, path in MODULES.items()
        for violation in violations(
            path.read_text(encoding="utf-8"), module, is_package=path.stem == "__init__"
        )
    ]
    assert not found, "\n" + "\n".join(found)


def test_every_line_of_the_table_names_a_module_that_exists() -> None:
    named = {*IMPORTS, *(name for allowed in IMPORTS.values() for name in allowed)}
    modules = {name.removeprefix("sightline.") for name in MODULES}
    gone = sorted(named - {"__version__"} - modules)
    assert not gone, f"IMPORTS names what is no longer there: {gone}; delete these entries"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sightline.images.load", "from ..sources.connect import open_source"),
        ("sightline.images.load", "from .. import index"),
        ("sightline.images.load", "import sightline.index.exact"),
        ("sightline.images.load", "from sightline import Client"),
        ("sightline.images.load", "def late():\n    from ..rank import ranker"),
        ("sightline.images.load", "if TYPE_CHECKING:\n    from ..build import build_model"),
        ("sightline.images.load", "importlib.import_module('sightline.store.home')"),
        ("sightline.images.load", "import duckdb"),
        ("sightline.images.load", "import sqlite3"),
        ("sightline.images.load", "import requests"),
        ("sightline.sources.files", "from PIL.Image import open"),
        ("sightline.serve", "from numba import njit"),
        ("sightline.serve", "from .sources.connect import open_source"),
        ("sightline.cli.models", "from ..build import build_model"),
        ("sightline.errors", "from .types import Rows"),
        ("sightline.helpers", "import math"),
        ("sightline_kernels.scan", "import os"),
        ("sightline_kernels.scan", "from collections import Counter"),
        ("sightline_kernels.scan", "from sightline.types import Rows"),
        ("sightline_models.cards", "from sightline.errors import EncoderError"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("sightline.images.load", "from ..errors import StorageError"),
        ("sightline.images.load", "from .fetch import Downloader"),
        ("sightline.images.load", "from . import codec"),
        ("sightline.images.load", "from .. import __version__"),
        ("sightline.images.load", "from sightline_kernels.scan import to_bytes"),
        ("sightline.images.index", "import sqlite3"),
        ("sightline.images.load", "import aiohttp, asyncio, numpy.typing"),
        ("sightline.serve", "from .rank.ranker import Ranker"),
        ("sightline.cli.models", "def late():\n    from ..client import Client"),
        ("sightline_kernels.scan", "from .compile import kernel\nimport math"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert violations(source, module) == []


def test_the_dots_of_a_package_start_at_the_package_itself() -> None:
    source = "from .options import home"
    assert violations(source, "sightline.cli", is_package=True) == []
    assert violations(source, "sightline.serve") != []


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert not long, f"over {LONGEST} lines, split by topic: {long}"


def test_no_module_is_named_for_what_did_not_fit_elsewhere() -> None:
    vague = {"utils", "util", "helpers", "common", "misc"}
    named = [name for name in MODULES if vague & set(name.split("."))]
    assert not named, f"name these for what they do: {named}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_imported_module_by_module(stage: str) -> None:
    body = ast.parse(MODULES[f"sightline.{stage}"].read_text("utf-8")).body
    assert [type(node) for node in body] == [ast.Expr], (
        f"{stage}/__init__.py may hold a docstring only: what it imports, every command pays for"
    )


def test_the_command_line_starts_without_heavy_libraries() -> None:
    command = f"import sys, sightline.cli; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", command], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not loaded, f"`sightline --help` imports {loaded}: import them where they are used"
