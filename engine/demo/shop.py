"""A seed into a whole shop on disk: pictures, a catalogue, and what its people did."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from .assortment import KINDS, draw_price, write_copy
from .draw import Look
from .people import COLOURS, DAYS, PATTERN_NAMES, Event, Taste, draw_tastes, live, stock_shelf
from .pictures import Fault, write_picture

FIRST_DAY = datetime(2025, 9, 1, tzinfo=UTC)
"""When the log begins."""

_ABSENT_SHARE, _DEAD_SHARE, _DAMAGED_SHARE = 0.05, 0.02, 0.02
_DAMAGES: tuple[Fault, ...] = ("truncated", "html", "empty")
_NEWCOMER_SHARE = 0.2
_IN_STOCK_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Truth:
    """What the generator knows and no model is told; for tests."""

    looks: Mapping[str, Look]
    """By item id."""
    tastes: Mapping[str, tuple[Taste, ...]]
    """By user id."""
    faults: Mapping[str, Fault]
    """By item id."""


@dataclass(frozen=True, slots=True)
class Shop:
    """Where a drawn shop lies."""

    pictures: Path
    """Folder to serve under the base URL that the catalogue was drawn with."""
    items: Path
    """CSV: item_id, title, description, category, price, image_url, created_at, in_stock."""
    events: Path
    """CSV: user_id, item_id, event_type, event_timestamp."""
    truth: Truth


def draw_shop(
    folder: Path, *, base_url: str, products: int = 600, people: int = 300, seed: int = 7
) -> Shop:
    """Draw a shop whose people choose by colour and pattern, which no text mentions.

    About 5 % of the items have no picture, 2 % a link that leads nowhere and 2 % a damaged file.

    Parameters
    ----------
    folder
        Gets `pictures/`, `items.csv` and `events.csv`; made if missing.
    base_url
        Where `pictures/` will be served, without a slash at the end.
    products, people
        How many of each.
    seed
        Equal arguments write equal files, byte for byte, with the same codecs installed.
    """
    # One stream of chance per subject: a change to the drawings leaves the behaviour as it was.
    goods_rng, picture_rng, people_rng = np.random.default_rng(seed).spawn(3)
    item_ids = [f"P{number:04d}" for number in range(1, products + 1)]
    user_ids = [f"U{number:03d}" for number in range(1, people + 1)]
    looks = [_draw_look(goods_rng) for _ in item_ids]
    faults = _deal_faults(products, goods_rng)
    born = _birth_days(products, goods_rng)
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    links = [
        _link(pictures, base_url, item_id.lower(), look, fault, rng)
        for item_id, look, fault, rng in zip(
            item_ids, looks, faults, picture_rng.spawn(products), strict=True
        )
    ]
    _items_table(item_ids, looks, links, born, goods_rng).write_csv(folder / "items.csv")

    shelf = stock_shelf(looks, born, people_rng)
    tastes = [draw_tastes(people_rng) for _ in user_ids]
    lives = [live(person, own, shelf, people_rng) for person, own in enumerate(tastes)]
    log = sorted(itertools.chain.from_iterable(lives), key=lambda event: event.second)
    _events_table(log, user_ids, item_ids).write_csv(folder / "events.csv")
    truth = Truth(
        dict(zip(item_ids, looks, strict=True)),
        dict(zip(user_ids, tastes, strict=True)),
        dict(zip(item_ids, faults, strict=True)),
    )
    return Shop(pictures, folder / "items.csv", folder / "events.csv", truth)


def _link(
    folder: Path, base_url: str, stem: str, look: Look, fault: Fault, rng: Generator
) -> str | None:
    """Write one picture file and return the catalogue's link to it."""
    name = write_picture(folder, stem, look, fault, rng)
    return None if fault == "absent" else f"{base_url}/{name}"


def _draw_look(rng: Generator) -> Look:
    kind = str(rng.choice(list(KINDS)))
    return Look(
        kind,
        colour=str(rng.choice(COLOURS)),
        pattern=str(rng.choice(PATTERN_NAMES)),
        material=str(rng.choice(list(KINDS[kind].materials))),
    )


def _deal_faults(products: int, rng: Generator) -> list[Fault]:
    """Deal exact shares of every fault in random order."""
    damaged = round(products * _DAMAGED_SHARE)
    dealt: list[Fault] = ["absent"] * round(products * _ABSENT_SHARE)
    dealt += ["dead"] * round(products * _DEAD_SHARE)
    dealt += [_DAMAGES[number % len(_DAMAGES)] for number in range(damaged)]
    dealt += ["none"] * (products - len(dealt))
    return [dealt[position] for position in rng.permutation(products)]


def _birth_days(products: int, rng: Generator) -> NDArray[np.float64]:
    """Return the day each product went on sale: negative for what was there before the log."""
    newcomer = rng.random(products) < _NEWCOMER_SHARE
    return np.where(newcomer, rng.uniform(0, DAYS, products), rng.uniform(-400, 0, products))


def _items_table(
    item_ids: Sequence[str],
    looks: Sequence[Look],
    links: Sequence[str | None],
    born: NDArray[np.float64],
    rng: Generator,
) -> pl.DataFrame:
    copy = [write_copy(look.kind, look.material, rng) for look in looks]
    return pl.DataFrame(
        {
            "item_id": item_ids,
            "title": [title for title, _ in copy],
            "description": [description for _, description in copy],
            "category": [KINDS[look.kind].category for look in looks],
            "price": [draw_price(look.kind, rng) for look in looks],
            "image_url": links,
            "created_at": [
                (FIRST_DAY + timedelta(days=float(day))).date().isoformat() for day in born
            ],
            "in_stock": rng.random(len(item_ids)) < _IN_STOCK_SHARE,
        }
    )


def _events_table(
    log: Sequence[Event], user_ids: Sequence[str], item_ids: Sequence[str]
) -> pl.DataFrame:
    moments = (FIRST_DAY + timedelta(seconds=event.second) for event in log)
    return pl.DataFrame(
        {
            "user_id": [user_ids[event.person] for event in log],
            "item_id": [item_ids[event.item] for event in log],
            "event_type": [event.kind for event in log],
            "event_timestamp": [f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in moments],
        }
    )
