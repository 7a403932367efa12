"""What the shop sells, in words: nouns, categories, prices, brands.

No word here is a colour or a pattern. Titles and descriptions are made of nothing else, so what
people like about a product can be learned from its picture only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of product."""

    noun: str
    category: str
    price: tuple[float, float]
    """Cheapest and dearest."""
    materials: Mapping[str, str]
    """What it is made of: a key of `surface.MATERIALS` to the word the title uses."""


KINDS: Mapping[str, Kind] = {
    "tee": Kind(
        "Crew Tee", "Clothing", (16, 45), {"matte": "Cotton", "woven": "Linen", "knitted": "Rib"}
    ),
    "sweater": Kind("Pullover", "Clothing", (48, 150), {"knitted": "Lambswool", "matte": "Fleece"}),
    "dress": Kind(
        "Day Dress",
        "Clothing",
        (58, 190),
        {"matte": "Viscose", "woven": "Linen", "glossy": "Satin"},
    ),
    "sock": Kind("Sock Pair", "Clothing", (8, 22), {"knitted": "Wool", "matte": "Bamboo"}),
    "beanie": Kind("Beanie", "Accessories", (18, 55), {"knitted": "Merino", "matte": "Fleece"}),
    "sunhat": Kind("Brim Hat", "Accessories", (28, 95), {"woven": "Raffia", "matte": "Felt"}),
    "umbrella": Kind("Umbrella", "Accessories", (22, 85), {"matte": "Pongee", "glossy": "Coated"}),
    "sneaker": Kind(
        "Low Sneaker",
        "Shoes",
        (55, 165),
        {"pebbled": "Leather", "woven": "Canvas", "glossy": "Patent", "knitted": "Mesh"},
    ),
    "tote": Kind(
        "Tote", "Bags", (24, 140), {"woven": "Canvas", "pebbled": "Leather", "matte": "Nylon"}
    ),
    "handbag": Kind(
        "Handbag", "Bags", (75, 320), {"pebbled": "Leather", "glossy": "Patent", "metallic": "Foil"}
    ),
    "backpack": Kind(
        "Backpack", "Bags", (49, 180), {"matte": "Nylon", "woven": "Canvas", "pebbled": "Leather"}
    ),
    "mug": Kind(
        "Mug", "Kitchen", (9, 32), {"glossy": "Glazed", "pebbled": "Stoneware", "metallic": "Steel"}
    ),
    "teapot": Kind("Teapot", "Kitchen", (28, 110), {"glossy": "Porcelain", "pebbled": "Stoneware"}),
    "bottle": Kind(
        "Flask", "Kitchen", (18, 48), {"metallic": "Steel", "matte": "Powdered", "glossy": "Enamel"}
    ),
    "vase": Kind(
        "Vase",
        "Home",
        (19, 130),
        {"glossy": "Glazed", "matte": "Earthenware", "wooden": "Beech", "metallic": "Tin"},
    ),
    "lamp": Kind("Table Lamp", "Home", (45, 220), {"woven": "Linen", "matte": "Paper"}),
    "cushion": Kind(
        "Cushion", "Home", (19, 75), {"woven": "Linen", "knitted": "Chunky", "glossy": "Satin"}
    ),
    "clock": Kind(
        "Wall Clock", "Home", (29, 120), {"matte": "Paper", "wooden": "Beech", "glossy": "Lacquer"}
    ),
    "armchair": Kind(
        "Armchair",
        "Furniture",
        (280, 980),
        {"woven": "Wool", "pebbled": "Leather", "matte": "Velvet", "knitted": "Boucle"},
    ),
    "chair": Kind(
        "Dining Chair",
        "Furniture",
        (70, 290),
        {"wooden": "Beech", "pebbled": "Leather", "woven": "Wool"},
    ),
}

_BRANDS = (
    "Norrvik", "Hallam & Fitch", "Tidewell", "Marlo", "Kestrel Row", "Fennimore", "Pell & Sons",
    "Aldine", "Sundry Works", "Oakhaven", "Lumen House", "Brisk & Able", "Quill", "Vesterby",
)  # fmt: skip
_MODELS = (
    "Aino", "Bodil", "Caspian", "Dagny", "Elio", "Farrow", "Gilda", "Henrik", "Ines", "Jonas",
    "Karin", "Leopold", "Mira", "Nils", "Odette", "Piet", "Quentin", "Runa", "Sanna", "Theo",
    "Ulla", "Vito", "Willa", "Xavi", "Ylva", "Zeno",
)  # fmt: skip
_OPENINGS = (
    "The {noun} to keep for years.",
    "Our best-known {noun}, now in its third season.",
    "The {noun} you reach for on an ordinary morning.",
    "Small batch, made to order.",
    "Designed in our own studio.",
    "An easy {noun} with nothing to prove.",
)
_CLOSINGS = (
    "Ships flat in recycled card.",
    "Free returns within thirty days.",
    "Wipe clean with a damp cloth.",
    "Two years of guarantee.",
    "Made by a family workshop.",
    "Gift wrap on request.",
)


def write_copy(kind: str, material: str, rng: Generator) -> tuple[str, str]:
    """Return a title and a description for one product."""
    sold = KINDS[kind]
    word = sold.materials[material]
    title = f"{rng.choice(_BRANDS)} {rng.choice(_MODELS)} {word} {sold.noun}"
    opening = str(rng.choice(_OPENINGS)).format(noun=sold.noun.lower())
    return title, f"{opening} {word} throughout. {rng.choice(_CLOSINGS)}"


def draw_price(kind: str, rng: Generator) -> float:
    """Return a price within the kind's range, most of them in its lower half, ending in .90."""
    low, high = KINDS[kind].price
    return round(low + (high - low) * float(rng.beta(1.6, 2.8))) - 0.10
