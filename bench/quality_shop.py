"""A drawn shop and what is asked of it: colour, pattern and kind in words, such as a customer's.

It is drawn anew, from a seed of its own, by what draws the demo's products. Half of the queries ask
for combinations of kind, colour and pattern that training never drew.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from sightline.demo.assortment import KINDS
from sightline.demo.draw import Look, draw_product
from sightline.demo.palette import SHADES
from sightline.demo.surface import PATTERNS
from sightline.images.codec import encode

__all__ = ["DrawnShop", "draw_shop", "query_of"]

QUERIES = 80
PICTURES_PER_QUERY = 12
DISTRACTORS = 1500
"""Pictures of combinations drawn by chance; one that a query asks for is right for it too."""
_SEED = 4_711
_SIDE = 160

_NOUNS = {
    "tee": "t-shirt",
    "sweater": "sweater",
    "dress": "dress",
    "sock": "sock",
    "beanie": "beanie",
    "sunhat": "sun hat",
    "umbrella": "umbrella",
    "sneaker": "sneaker",
    "tote": "tote bag",
    "handbag": "handbag",
    "backpack": "backpack",
    "mug": "mug",
    "teapot": "teapot",
    "bottle": "bottle",
    "vase": "vase",
    "lamp": "lamp",
    "cushion": "cushion",
    "clock": "clock",
    "armchair": "armchair",
    "chair": "chair",
}
_PATTERN_WORDS = {
    "plain": "plain",
    "horizontal": "horizontally striped",
    "vertical": "vertically striped",
    "diagonal": "diagonally striped",
    "dots": "polka dot",
    "checks": "checked",
    "zigzag": "zigzag",
    "gradient": "gradient",
    "diamonds": "argyle",
    "flowers": "floral",
}

Combination = tuple[int, int, int]
"""Kind, colour and pattern, by position in the shop's lists."""


@dataclass(frozen=True, slots=True)
class DrawnShop:
    """Pictures, as encoded bytes, and queries with what is right for them."""

    pictures: list[bytes]
    queries: list[str]
    is_right: NDArray[np.bool_]
    """Per query and picture."""
    is_unseen: NDArray[np.bool_]
    """Per query: whether training never drew what it asks for."""


def draw_shop() -> DrawnShop:
    """Draw the shop; it is the same every time."""
    rng = np.random.default_rng(_SEED)
    combinations = list(product(range(len(KINDS)), range(len(SHADES)), range(len(PATTERNS))))
    asked = [
        picked
        for unseen in (True, False)
        for picked in _some([c for c in combinations if is_unseen(c) == unseen], rng)
    ]
    by_chance = rng.integers(len(combinations), size=DISTRACTORS)
    shown = [one for one in asked for _ in range(PICTURES_PER_QUERY)]
    shown += [combinations[number] for number in by_chance]
    return DrawnShop(
        pictures=[_picture(combination, rng) for combination in shown],
        queries=[query_of(combination) for combination in asked],
        is_right=(np.array(asked)[:, None] == np.array(shown)).all(axis=2),
        is_unseen=np.array([is_unseen(combination) for combination in asked]),
    )


def is_unseen(combination: Combination) -> bool:
    """Whether a combination was kept out of training."""
    kind, shade, pattern = combination
    return (kind + 2 * shade + 3 * pattern) % 5 == 0


def query_of(combination: Combination) -> str:
    """Ask for a combination in words.

    Examples
    --------
    >>> query_of((2, 4, 8))
    'an orange argyle dress'
    """
    kind, shade, pattern = _names(combination)
    article = "an" if shade[0] in "aeiou" else "a"
    return f"{article} {shade} {_PATTERN_WORDS[pattern]} {_NOUNS[kind]}"


def _names(combination: Combination) -> tuple[str, str, str]:
    kind, shade, pattern = combination
    return list(KINDS)[kind], list(SHADES)[shade], list(PATTERNS)[pattern]


def _some(combinations: list[Combination], rng: Generator) -> list[Combination]:
    rows = rng.choice(len(combinations), QUERIES // 2, replace=False)
    return [combinations[row] for row in rows]


def _picture(combination: Combination, rng: Generator) -> bytes:
    kind, shade, pattern = _names(combination)
    material = str(rng.choice(list(KINDS[kind].materials)))
    look = Look(kind, shade, pattern, material)
    return encode(draw_product(look, width=_SIDE, height=_SIDE, rng=rng), "PNG")
