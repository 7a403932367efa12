"""What an encoder is worth: what it finds, tells apart and brings together, and how fast it is.

Measured on the development data, on rows that the bundled encoder was not trained on, with 95 %
bootstrap intervals: photos by captions (Flickr8k), labels by prompts (fashion, clothing), a drawn
shop asked in words, groceries and classes never seen by their neighbours, then speed.

    python bench/quality.py --json
    python bench/quality.py --encoder ./my-clip --sheet neighbours.jpg
    python bench/quality.py --encoder sightline-mini --float32 ./mini-fp32
    python bench/quality.py --captions captions.parquet --images images.parquet

Exact ties never flatter: a rank counts those that are wrong as nearer, and at the edge of the k
nearest they count by their share of right ones. Encoders that read no words in the space of their
pictures have the figures of pictures alone. The classes that `unseen_p5` is about are unseen by the
bundled encoder; the teacher of `unseen_p5_teacher` most likely was trained on them. Speed is of one
thread; `load_ms` is from the name to a first vector of each tower, in a fresh process.

The figures of the default encoder go to `bench/results/quality.json`, those of others to
`quality-<name>.json` beside it; those of your own captions are printed only.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import CHECKOUT, Figures, write_record
from quality_data import DataError, Tables, read_captioned
from quality_gap import modality_gap
from quality_measures import Estimate
from quality_sheet import write_sheet
from quality_shop import DrawnShop, draw_shop
from quality_speed import speed
from quality_tasks import (
    drawn_shop,
    joint_texts,
    neighbours,
    prompts,
    retrieval,
    unseen_yardsticks,
)
from sightline.encode.base import Encoder
from sightline.encode.device import Compute
from sightline.encoders import Encoders
from sightline.errors import SightlineError
from sightline.store.home import Home

DEFAULT_ENCODER = "sightline-mini"
QUESTION = "What is an encoder worth, on rows it was not trained on, and how fast is it?"
_DATA_VARIABLE = "SIGHTLINE_TEST_DATA"


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures with intervals, and those that have none."""

    estimates: Mapping[str, Estimate]
    plain: Figures

    def flat(self) -> Figures:
        """Return every figure alone."""
        values = {name: round(figure.value, 5) for name, figure in self.estimates.items()}
        return {**values, **self.plain}

    def table(self) -> list[dict[str, float | str]]:
        """Return a row per figure that has an interval."""
        return [{"figure": name, **asdict(figure)} for name, figure in self.estimates.items()]


def measure(name: str, tables: Tables, *, float32: str | None, sheet: Path | None) -> Measured:
    """Measure an encoder on all that is held out."""
    compute = Compute.chosen("cpu")
    encoders = Encoders(Home(), compute)
    encoder = encoders.open(name)
    _say("drawing the shop")
    shop = draw_shop()
    estimates = _worth(encoder, tables, shop)
    plain: dict[str, float | int | str | bool] = {"encoder": _shown_name(name)}
    if float32 is not None:
        exact = _worth(encoders.open(float32), tables, shop)
        plain |= _differences(estimates, exact)
    _say("items without a picture")
    estimates |= modality_gap(encoder, tables)
    _say("teacher and raw pixels on the unseen classes")
    estimates |= unseen_yardsticks(tables, compute)
    _say("speed")
    flickr = tables.flickr()
    plain |= speed(name, flickr.pictures, flickr.captions)
    if sheet is not None:
        _say("contact sheet")
        write_sheet(encoder.images, tables.imagenet_sample(), sheet)
    return Measured(estimates, plain)


def _worth(encoder: Encoder, tables: Tables, shop: DrawnShop) -> dict[str, Estimate]:
    """Measure what depends on an encoder's vectors."""
    figures: dict[str, Estimate] = {}
    _say(f"photos by captions, {encoder.name}")
    figures |= retrieval(encoder, tables.flickr(), "flickr_")
    _say("labels by prompts")
    figures |= prompts(encoder, tables)
    _say("the drawn shop")
    figures |= drawn_shop(encoder, shop)
    _say("neighbours")
    figures |= neighbours(encoder, tables)
    return figures


def _differences(
    estimates: Mapping[str, Estimate], exact: Mapping[str, Estimate]
) -> dict[str, float]:
    """Return each figure less that of float32, and the largest among the shares."""
    differences = {
        name: round(figure.value - exact[name].value, 5)
        for name, figure in estimates.items()
        if name in exact and not name.endswith("_majority")
    }
    shares = [abs(value) for name, value in differences.items() if not name.endswith("_rank")]
    named = {f"{name}_minus_fp32": value for name, value in differences.items()}
    return {**named, "max_abs_difference": max(shares)}


def measure_captioned(name: str, captions: Path, images: Path) -> Measured:
    """Measure retrieval alone, on captioned pictures of one's own."""
    captioned = read_captioned(captions, images)
    _say(f"{len(captioned.pictures)} pictures, {len(captioned.captions)} captions")
    encoder = Encoders(Home(), Compute.chosen("cpu")).open(name)
    if joint_texts(encoder) is None:
        message = f"{name} reads no words in the space of its pictures: captions find nothing"
        raise DataError(message)
    return Measured(retrieval(encoder, captioned, ""), {"encoder": _shown_name(name)})


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="end with one flat JSON object")
    parser.add_argument("--encoder", default=DEFAULT_ENCODER, help="(default: %(default)s)")
    parser.add_argument(
        "--data",
        type=Path,
        help=f"folder of the tables (default: {_DATA_VARIABLE}, else shared/data beside the "
        "checkout)",
    )
    parser.add_argument("--float32", metavar="PACK", help="another pack, to tell how far it is off")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write a contact sheet, JPEG")
    parser.add_argument("--captions", type=Path, metavar="FILE", help="Parquet of your own")
    parser.add_argument("--images", type=Path, metavar="FILE", help="Parquet of its pictures")
    options = parser.parse_args(given)
    if (options.captions is None) != (options.images is None):
        parser.error("--captions and --images go together; they may name the same file")
    if options.captions is not None and (options.float32 or options.sheet or options.data):
        parser.error("--captions measures retrieval alone, without --float32, --sheet and --data")
    return options


def data_folder(given: Path | None) -> Path:
    """Find the folder of the tables.

    Raises
    ------
    DataError
        If there is none.
    """
    named = given or os.environ.get(_DATA_VARIABLE)
    folder = Path(named) if named else CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        message = (
            f"there is no folder {folder} to measure quality on: name that of the development "
            f"data with --data or {_DATA_VARIABLE}"
        )
        raise DataError(message)
    return folder


def main() -> None:
    """Measure, record, print."""
    options = arguments()
    try:
        if options.captions is not None:
            measured = measure_captioned(options.encoder, options.captions, options.images)
        else:
            tables = Tables(data_folder(options.data))
            measured = measure(
                options.encoder, tables, float32=options.float32, sheet=options.sheet
            )
            table = measured.table()
            write_record(_record_name(options.encoder), QUESTION, measured.flat(), table=table)
    except (DataError, SightlineError) as error:
        sys.exit(f"Error: {error}")
    print(_printed(measured))
    if options.json:
        print(json.dumps(measured.flat()))


def _printed(measured: Measured) -> str:
    names = [*measured.estimates, *measured.plain]
    width = max(map(len, names))
    lines = [f"{'figure':<{width}}  {'value':>9}  {'low':>9}  {'high':>9}  {'n':>6}"]
    lines += [
        f"{name:<{width}}  {_digits(one.value)}  {_digits(one.low)}  {_digits(one.high)}  {one.n:6}"
        for name, one in measured.estimates.items()
    ]
    lines += [f"{name:<{width}}  {_digits(value)}" for name, value in measured.plain.items()]
    return "\n".join([QUESTION, *lines])


def _digits(figure: float | str) -> str:
    if isinstance(figure, str):
        return figure
    return f"{figure:9.3f}" if abs(figure) < 100 else f"{figure:9.1f}"


def _shown_name(name: str) -> str:
    """Return a name that says nothing of this machine: of a folder, the last part of its path."""
    head = Path(name)
    return head.resolve().name if head.is_dir() else name


def _record_name(name: str) -> str:
    if name == DEFAULT_ENCODER:
        return "quality"
    return "quality-" + re.sub(r"[^a-z0-9]+", "-", _shown_name(name).lower()).strip("-")


def _say(step: str) -> None:
    print(step, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
