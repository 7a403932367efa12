"""A small shop with known answers: pictures of one colour each, people who love one colour."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sightline import Client
from sightline.images.codec import encode

COLOURS = {"red": (200, 30, 40), "green": (40, 160, 60), "blue": (40, 70, 200), "grey": (128,) * 3}
PER_COLOUR = 6
PEOPLE = 24
YAML = """\
model:
  name: shop
connectors:
  - {id: items_source, type: file, path: items.csv}
  - {id: events_source, type: file, path: events.csv}
fetch:
  items: SELECT * FROM items_source
  events: SELECT * FROM events_source
"""


@dataclass(frozen=True)
class Shop:
    """Where the small shop lies, and the home of its model."""

    folder: Path
    home: Path

    @property
    def yaml(self) -> Path:
        return self.folder / "model.yaml"

    def client(self, **arguments) -> Client:
        return Client(self.home, **arguments)

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line as a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "sightline", *arguments],
            env={**os.environ, "SIGHTLINE_HOME": str(self.home), "COLUMNS": "120"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=check,
        )


def draw(colour, seed):
    """A square of one colour, with a little noise, on white."""
    rng = np.random.default_rng(seed)
    pixels = np.full((64, 64, 3), 250, np.uint8)
    noisy = np.array(colour) + rng.integers(-15, 16, (36, 36, 3))
    pixels[14:50, 14:50] = np.clip(noisy, 0, 255)
    return pixels


def write_shop(folder: Path) -> None:
    """Write pictures, items.csv, events.csv and model.yaml.

    Items are red-0 … grey-5; the last grey one has no picture, the one before a link to a file
    that is not there. Person u loves the colour number u % 4 and takes four of its six items.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    rows = []
    for colour, rgb in COLOURS.items():
        for number in range(PER_COLOUR):
            item = f"{colour}-{number}"
            path: str | None = f"pictures/{item}.png"
            if item == "grey-5":
                path = None
            elif item == "grey-4":
                path = "pictures/nowhere.png"
            else:
                (folder / str(path)).write_bytes(encode(draw(rgb, len(rows)), "PNG"))
            rows.append(
                {
                    "item_id": item,
                    "title": f"Thing number {number}",
                    "category": "even" if number % 2 == 0 else "odd",
                    "price": 10.0 * number,
                    "image": path,
                }
            )
    pl.DataFrame(rows).write_csv(folder / "items.csv")
    colours = list(COLOURS)
    events = [
        {
            "user_id": f"U{user}",
            "item_id": f"{colours[user % 4]}-{(user // 4 + pick) % PER_COLOUR}",
            "event_type": "purchase" if pick % 2 else "click",
            "event_timestamp": f"2026-0{1 + pick}-{1 + user % 28:02d}T00:00:00Z",
        }
        for user in range(PEOPLE)
        for pick in range(4)
    ]
    pl.DataFrame(events).write_csv(folder / "events.csv")
    (folder / "model.yaml").write_text(YAML)
