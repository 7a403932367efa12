"""What is known beforehand of well-known encoders: size, licence, where ready ONNX is to be had."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

__all__ = ["CARDS", "DEFAULT", "IMMICH_NAMES", "Card", "card_of", "near_names"]

DEFAULT = "attributes"
"""The encoder of a model that names none."""


@dataclass(frozen=True, slots=True)
class Card:
    """One well-known encoder."""

    name: str
    """The name it is chosen by."""
    dim: int
    licence: str
    towers: str
    """What it reads: ``pictures``, ``texts`` or ``pictures and texts``."""
    ready: str | None = None
    """Repository with the same weights as ONNX, where `name` itself may have only pickles."""
    pooling: Literal["mean", "cls", "last"] | None = None
    """How the tokens of its ready ONNX become one vector, where its files do not say."""


_BOTH, _PICTURES, _TEXTS = "pictures and texts", "pictures", "texts"

_ALL = (
    Card(DEFAULT, 342, "Apache-2.0", _PICTURES),
    Card("openai/clip-vit-base-patch32", 512, "MIT", _BOTH, "Xenova/clip-vit-base-patch32"),
    Card("openai/clip-vit-base-patch16", 512, "MIT", _BOTH, "Xenova/clip-vit-base-patch16"),
    Card("openai/clip-vit-large-patch14", 768, "MIT", _BOTH, "Xenova/clip-vit-large-patch14"),
    Card(
        "openai/clip-vit-large-patch14-336", 768, "MIT", _BOTH, "Xenova/clip-vit-large-patch14-336"
    ),
    Card("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 512, "MIT", _BOTH),
    Card("laion/CLIP-ViT-B-16-laion2B-s34B-b88K", 512, "MIT", _BOTH),
    Card("google/siglip-base-patch16-224", 768, "Apache-2.0", _BOTH),
    Card("google/siglip2-base-patch16-224", 768, "Apache-2.0", _BOTH),
    Card("ViT-B-32__openai", 512, "MIT", _BOTH),
    Card("ViT-B-16__openai", 512, "MIT", _BOTH),
    Card("ViT-L-14__openai", 768, "MIT", _BOTH),
    Card("RN50__openai", 1024, "MIT", _BOTH),
    Card("Qdrant/clip-ViT-B-32-vision", 512, "MIT", _BOTH),
    Card("Qdrant/clip-ViT-B-32-text", 512, "MIT", _BOTH),
    Card("sentence-transformers/all-MiniLM-L6-v2", 384, "Apache-2.0", _TEXTS),
    Card("sentence-transformers/all-mpnet-base-v2", 768, "Apache-2.0", _TEXTS),
    Card("sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", 384, "Apache-2.0", _TEXTS),
    Card("Qdrant/all-MiniLM-L6-v2-onnx", 384, "Apache-2.0", _TEXTS, pooling="mean"),
    Card("BAAI/bge-small-en-v1.5", 384, "MIT", _TEXTS, pooling="cls"),
    Card("Qdrant/bge-small-en-v1.5-onnx-Q", 384, "MIT", _TEXTS, pooling="cls"),
    Card("Qdrant/bge-base-en-v1.5-onnx-Q", 768, "MIT", _TEXTS, pooling="cls"),
    Card("Qdrant/bge-large-en-v1.5-onnx", 1024, "MIT", _TEXTS, pooling="cls"),
)
CARDS: dict[str, Card] = {card.name: card for card in _ALL}

IMMICH_NAMES = frozenset(
    {
        "LABSE-Vit-L-14",
        "XLM-Roberta-Large-Vit-B-16Plus",
        "XLM-Roberta-Large-Vit-B-32",
        "XLM-Roberta-Large-Vit-L-14",
    }
)
"""Names of immich without the two underscores that tell the others."""


def card_of(name: str) -> Card | None:
    """Return what is known of a name, whatever revision it asks for."""
    return CARDS.get(name.partition("@")[0])


def near_names(name: str, others: Iterable[str] = ()) -> list[str]:
    """Return names that may have been meant: spelt alike, or without their owner."""
    known = [*CARDS, *others]
    plain = name.partition("@")[0].lower()
    by_spelling = {one.lower(): one for one in known}
    by_end = {one.lower().rpartition("/")[2]: one for one in known}
    if plain in by_end:
        return [by_end[plain]]
    return [by_spelling[near] for near in get_close_matches(plain, by_spelling, n=2, cutoff=0.8)]
