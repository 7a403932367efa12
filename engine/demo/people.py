"""Products and a population with visual tastes, into a log of what people did.

The generator, in short:

1. A person has one or two tastes. A taste likes two or three colours, two patterns and a handful of
   product kinds; its appeal for a product is the sum of the three weights.
2. A person comes back in sessions, spread over the log's days, each led by one of the tastes.
3. A session shows a slate of products on sale that day and new to this person: half of the chance
   goes by popularity (log-normal), half is equal for all.
4. They look closer at three of the slate, drawn by the softmax of appeal and a little fame (Gumbel
   top-k), and at one more by accident. A closer look is a view and may go on to a click, a like, a
   cart, a purchase.

So popularity says a little, taste says much, and taste shows in the pictures alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .draw import SILHOUETTES, Look
from .palette import SHADES
from .surface import PATTERNS

COLOURS, PATTERN_NAMES, KIND_NAMES = tuple(SHADES), tuple(PATTERNS), tuple(SILHOUETTES)

DAYS = 120
"""Length of the log."""

_DAY_SECONDS = 86_400
_SLATE = 350
_PICKS = 3
_FAME_PULL = 0.35
"""What the logarithm of popularity adds to appeal."""
_FEWEST_EVENTS, _MOST_EVENTS = 20, 45
_STEPS = (("click", 0.6), ("like", 0.4), ("cart", 0.45), ("purchase", 0.6))
"""What may follow a view, in order, with the chance that it does once the step before was taken."""


@dataclass(frozen=True, slots=True)
class Taste:
    """How much a person likes each colour, pattern and kind; all float64, 0 is indifferent."""

    colours: NDArray[np.float64]
    """Shape (11,), in the order of `COLOURS`."""
    patterns: NDArray[np.float64]
    """Shape (10,), in the order of `PATTERN_NAMES`."""
    kinds: NDArray[np.float64]
    """Shape (20,), in the order of `KIND_NAMES`."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """The products as people see them, each array of shape (items,)."""

    colours: NDArray[np.intp]
    patterns: NDArray[np.intp]
    kinds: NDArray[np.intp]
    popularity: NDArray[np.float64]
    """Positive; in proportion to how often a product is put on display."""
    born: NDArray[np.float64]
    """Day of the log on which a product went on sale, 0 for what was there before."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log."""

    person: int
    item: int
    kind: str
    """`view`, `click`, `like`, `cart` or `purchase`."""
    second: int
    """Since the log began."""


def stock_shelf(looks: Sequence[Look], born: NDArray[np.float64], rng: Generator) -> Shelf:
    """Put products on display, some more often than others."""
    return Shelf(
        np.array([COLOURS.index(look.colour) for look in looks]),
        np.array([PATTERN_NAMES.index(look.pattern) for look in looks]),
        np.array([KIND_NAMES.index(look.kind) for look in looks]),
        rng.lognormal(0.0, 0.8, len(looks)),
        born,
    )


def draw_tastes(rng: Generator) -> tuple[Taste, ...]:
    """Draw one person: one taste, or two that take turns."""
    return tuple(
        Taste(
            _likes(len(COLOURS), int(rng.integers(2, 4)), 4.0, rng),
            _likes(len(PATTERN_NAMES), 2, 3.0, rng),
            _likes(len(KIND_NAMES), int(rng.integers(4, 8)), 0.9, rng),
        )
        for _ in range(1 + int(rng.random() < 0.4))
    )


def _likes(count: int, favourites: int, strength: float, rng: Generator) -> NDArray[np.float64]:
    """Weights of which `favourites` stand out by about `strength`."""
    weights = rng.normal(0.0, 0.25, count)
    weights[rng.choice(count, favourites, replace=False)] += strength
    return weights


def appeal(taste: Taste, shelf: Shelf) -> NDArray[np.float64]:
    """Return how much a taste likes each product, shape (items,)."""
    return taste.colours[shelf.colours] + taste.patterns[shelf.patterns] + taste.kinds[shelf.kinds]


def live(person: int, tastes: Sequence[Taste], shelf: Shelf, rng: Generator) -> list[Event]:
    """Return what one person did over the log's days, oldest first.

    Parameters
    ----------
    person
        The number that goes into the events.
    tastes
        From `draw_tastes`; each session follows one of them.
    shelf
        The products and when they went on sale.
    rng
        The only source of chance.

    Returns
    -------
    events
        20 to 45 of them, fewer when the shelf runs out of products new to this person.
    """
    wanted = int(rng.integers(_FEWEST_EVENTS, _MOST_EVENTS + 1))
    likings = [appeal(taste, shelf) for taste in tastes]
    seen = np.zeros(len(shelf.born), np.bool_)
    events: list[Event] = []
    while len(events) < wanted:
        day = float(rng.uniform(0, DAYS - 1))
        on_display = np.flatnonzero((shelf.born <= day) & ~seen)
        if not len(on_display):
            break
        liking = likings[rng.integers(len(likings))]
        looked_at = _browse(on_display, shelf.popularity, liking, rng)
        seen[looked_at] = True
        second = int(day * _DAY_SECONDS)
        for item in looked_at:
            steps = _look_closer(person, int(item), second, rng)
            events += steps
            second = steps[-1].second + int(rng.integers(15, 240))
    return sorted(events[:wanted], key=lambda event: event.second)


def _browse(
    on_display: NDArray[np.intp],
    popularity: NDArray[np.float64],
    liking: NDArray[np.float64],
    rng: Generator,
) -> NDArray[np.intp]:
    """Return the products of one session that get a closer look."""
    fame = popularity[on_display]
    chance = 0.5 * fame / fame.sum() + 0.5 / len(on_display)
    slate = on_display[_gumbel_top(np.log(chance), _SLATE, rng)]
    pull = liking[slate] + _FAME_PULL * np.log(popularity[slate])
    picked = slate[_gumbel_top(pull, _PICKS, rng)]
    passed_over = np.setdiff1d(slate, picked)
    by_accident = rng.permutation(passed_over)[:1]
    return np.concatenate([picked, by_accident])


def _gumbel_top(weights: NDArray[np.float64], count: int, rng: Generator) -> NDArray[np.intp]:
    """Sample `count` positions without replacement by the softmax of `weights`."""
    return np.argsort(-(weights + rng.gumbel(size=len(weights))))[:count]


def _look_closer(person: int, item: int, second: int, rng: Generator) -> list[Event]:
    """View a product and go on as far as chance leads."""
    events = [Event(person, item, "view", second)]
    for step, chance in _STEPS:
        if rng.random() >= chance:
            break
        second += int(rng.integers(4, 90))
        events.append(Event(person, item, step, second))
    return events
