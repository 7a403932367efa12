"""How fast pictures become vectors, from files and from URLs, beside the encoder alone and peers.

Distinct JPEGs of 500 x 500 to 1600 x 1200 pixels and of qualities 75 to 90 go through
`see_pictures`, the path that a build takes, with a home that has seen none of them: reading,
hashing, decoding, encoding, measures, signatures and caches are all in it. Two encoders:
sightline-mini, and a CLIP of ViT-B/32's shapes and random weights, in float32.

    ../peers/bin/python bench/pipeline.py --json   # beside the peers, see the README

The ways take turns, round after round, on the same pictures; a ratio is the median over the rounds.

- `files`, `urls`: ours, from the disk and from a server on loopback, one host.
- `encoder_only`: the same tower on pictures that are prepared already, in the same batches.
- `fastembed`: ImageEmbedding with the same graph and its own defaults; `fastembed_parallel` with
  two processes. `..._vs_fastembed` is against whichever of the two is faster,
  `..._vs_fastembed_as_it_comes` against its defaults.
- `torchvision`: a DataLoader of two processes, torchvision's transforms, ONNX Runtime.

`min_cosine` holds a peer's vectors against ours. `fetch_vs_bare_loop` is of `pipeline_fetch.py`,
`rss_...` of `pipeline_memory.py`. `--only PART` and `--pictures N` are for trying things out: then
nothing is recorded.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from harness import Figures, in_turn, ratio, table, write_record
from pipeline_fetch import fetch_figures
from pipeline_memory import PICTURES, memory_figures
from pipeline_pictures import write_pictures
from pipeline_server import serving
from pipeline_ways import EncoderOnly, FastEmbed, Ours, TorchvisionLoop, installed, peer_folder
from sightline.encode.base import ImageTower
from sightline.encode.device import Compute
from sightline.encode.towers import open_pack
from sightline.packs import bundled_pack
from sightline.types import Vectors
from sightline_models.build import build_pack
from sightline_models.pack import VisualTower, read_pack
from vit_b32 import write_checkpoint

QUESTION = "How fast do pictures become vectors, beside the encoder alone and peers?"
MINI_PICTURES, MINI_ROUNDS = 600, 5
VIT_PICTURES, VIT_PEER_PICTURES, VIT_ROUNDS = 256, 64, 5
_RUNS_BEFORE_FULL = 6
_WARM_UP = 64
_REST_S = 1.5


@dataclass(frozen=True, slots=True)
class _Encoder:
    """An encoder as we use it, and its pack for those who use the graph itself."""

    tower: ImageTower
    visual: VisualTower
    folder: Path


def mini_figures(place: Path) -> dict[str, Any]:
    """Compare all ways with sightline-mini."""
    mini = _opened(bundled_pack().folder)
    return _figures("mini", mini, place, MINI_PICTURES, MINI_PICTURES, rounds=MINI_ROUNDS)


def vit_figures(place: Path) -> dict[str, Any]:
    """Compare all ways with ViT-B/32."""
    checkpoint, folder = place / "checkpoint", place / "pack"
    write_checkpoint(checkpoint)
    folder.mkdir()
    build_pack(checkpoint, folder, name="bench", precision="fp32")
    vit = _opened(folder)
    return _figures("vitb32", vit, place, VIT_PICTURES, VIT_PEER_PICTURES, rounds=VIT_ROUNDS)


def _opened(folder: Path) -> _Encoder:
    pack = read_pack(folder)
    tower, _ = open_pack(folder, pack, Compute("cpu"))
    if tower is None or pack.visual is None:
        message = f"{folder} has no tower for pictures"
        raise RuntimeError(message)
    for _ in range(_RUNS_BEFORE_FULL):  # past the point at which it loads for the long run
        tower.encode_prepared(tower.format.empty(1, tower.view.side))
    return _Encoder(tower, pack.visual, folder)


def _figures(
    name: str, encoder: _Encoder, place: Path, pictures: int, peer_pictures: int, *, rounds: int
) -> dict[str, Any]:
    (jpegs := place / "jpegs").mkdir()
    paths = [str(path) for path in write_pictures(jpegs, pictures)]
    ours, alone = Ours(encoder.tower), EncoderOnly(encoder.tower)
    peers = _peers(encoder, place)
    vectors: dict[str, Vectors] = {}
    with serving(jpegs) as host:
        urls = [f"http://{host}/{Path(path).name}" for path in paths]

        def keep(way: str, make: Callable[[], Vectors]) -> Callable[[], None]:
            return lambda: vectors.update({way: make()})

        ways: dict[str, Callable[[], None]] = {
            "files": keep("files", lambda: ours.vectors(paths)),
            "encoder_only": lambda: alone.encode(pictures),
            "urls": keep("urls", lambda: ours.vectors(urls, allow_hosts=[host])),
        }
        for way, embed in peers.items():
            ways[way] = keep(way, partial(embed, paths[:peer_pictures]))
        ours.vectors(paths[:_WARM_UP])  # kernels compiled, or read from where they are kept
        seconds = in_turn(ways, rounds=rounds, rest_s=_REST_S)
        ours.vectors(paths)  # whose stages are reported
    counts = {way: peer_pictures if way in peers else pictures for way in ways}
    each = {way: [one / counts[way] for one in taken] for way, taken in seconds.items()}
    return {
        **_ratios(name, each, list(peers)),
        **{f"{name}_{way}_per_s": round(1 / median(taken), 2) for way, taken in each.items()},
        **{
            f"{name}_{way}_min_cosine": round(_min_cosine(vectors["files"], found), 5)
            for way, found in vectors.items()
            if way != "files"
        },
        f"{name}_bottleneck": str(ours.pipeline["bottleneck"]),
        **{
            f"{name}_{stage}_share": taken["share"]
            for stage, taken in ours.pipeline["stages"].items()
        },
    }


def _peers(encoder: _Encoder, place: Path) -> dict[str, Callable[[list[str]], Vectors]]:
    folder = peer_folder(encoder.folder, encoder.visual, place / "peers")
    peers: dict[str, Callable[[list[str]], Vectors]] = {}
    if installed("fastembed"):
        peers["fastembed"] = FastEmbed(folder).vectors
        peers["fastembed_parallel"] = FastEmbed(folder, parallel=2).vectors
    if installed("torch", "torchvision"):
        peers["torchvision"] = TorchvisionLoop(folder, encoder.visual).vectors
    return peers


def _ratios(name: str, each: Mapping[str, list[float]], peers: list[str]) -> dict[str, float]:
    """Return how many times as fast as others ours is."""
    against = {way: way for way in ("encoder_only", "torchvision") if way in each}
    fastembeds = [way for way in peers if way.startswith("fastembed")]
    if fastembeds:
        against["fastembed"] = min(fastembeds, key=lambda way: median(each[way]))
        against["fastembed_as_it_comes"] = "fastembed"
    return {
        **{
            f"{name}_vs_{other}": _ratio(each[way], each["files"]) for other, way in against.items()
        },
        f"{name}_urls_vs_files": _ratio(each["files"], each["urls"]),
    }


def _ratio(above: list[float], below: list[float]) -> float:
    return round(ratio(above, below), 3)


def _min_cosine(ours: Vectors, theirs: Vectors) -> float:
    return float((ours[: len(theirs)] * theirs).sum(axis=1).min())


def _in_folder(part: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="sightline-bench-") as place:
        return part(Path(place))


def _main() -> None:
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "mini": lambda: _in_folder(mini_figures),
        "vitb32": lambda: _in_folder(vit_figures),
        "memory": lambda: memory_figures(arguments.pictures),
        "fetch": fetch_figures,
    }
    parser = argparse.ArgumentParser(description=QUESTION)
    parser.add_argument("--json", action="store_true", help="print one flat JSON object")
    parser.add_argument("--only", choices=[*parts], help="one part, for trying it out")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="how many of 12 megapixels")
    arguments = parser.parse_args()
    chosen = [arguments.only] if arguments.only else list(parts)
    figures: dict[str, Any] = {}
    for part in chosen:
        figures |= parts[part]()
    figures = _heads_first(figures)
    if not arguments.only and arguments.pictures == PICTURES:
        write_record("pipeline", QUESTION, figures)
    print(json.dumps(figures) if arguments.json else table(QUESTION, figures))


def _heads_first(figures: Figures) -> dict[str, Any]:
    heads = ("mini_vs_fastembed", "vitb32_vs_encoder_only", "rss_peak_mb", "fetch_vs_bare_loop")
    known = {name: figures[name] for name in heads if name in figures}
    return {**known, **figures}


if __name__ == "__main__":
    _main()
