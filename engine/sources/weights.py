"""Names of events turned into how much each says that a person wanted the item."""

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DEFAULT_WEIGHT", "NEGATIVE_WEIGHT", "WEIGHTS", "folded", "weight", "weight_of"]

DEFAULT_WEIGHT = 1.0
"""Of an event type this list does not know: something was done with the item."""
NEGATIVE_WEIGHT = -1.0
"""Of an event that says the person does not want the item."""

# The order is the point, and follows what each costs a person: money, a decision, an opinion, a
# click, a glance. An impression is what the shop did, not what the person did: it weighs nothing,
# and its rows are left out.
_NAMES: dict[float, str] = {
    5.0: "purchase, purchased, buy, bought, order, ordered, transaction, sale, payment, conversion,"
    " complete purchase, subscribe, rent, book, booking",
    3.0: "add to cart, cart, add to basket, basket, add to bag, checkout, begin checkout,"
    " add shipping info, add payment info",
    2.0: "like, liked, love, loved, favorite, favourite, fav, save, saved, bookmark, wishlist,"
    " add to wishlist, add to favorites, rate, rating, review, share, comment, follow, pin, repin,"
    " upvote, thumbs up, recommend, download",
    1.0: "click, tap, select, select item, open, play, listen, watch, read, quick view",
    0.5: "view, viewed, page view, view item, product view, item view, detail view, visit, hover,"
    " dwell, scroll",
    0.0: "impression, impressed, exposure, shown, served, view item list",
    NEGATIVE_WEIGHT: "dislike, disliked, skip, hide, return, returned, refund, refunded, remove,"
    " remove from cart, remove from basket, remove from wishlist, unlike, unfavorite, unsave,"
    " unfollow, unsubscribe, block, report, downvote, thumbs down, not interested, cancel,"
    " cancelled, canceled, dismiss, negative",
}

WEIGHTS = {
    name.replace(" ", ""): weight for weight, names in _NAMES.items() for name in names.split(", ")
}
"""Event type, as `folded` writes it, to weight; 0 means that the row is left out."""


def folded(types: "pl.Expr") -> "pl.Expr":
    """Write event types as the keys of `WEIGHTS` are: ``Add-To-Cart`` is ``addtocart``."""
    return types.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", "")


def weight(types: "pl.Expr", labels: "pl.Expr") -> "pl.Expr":
    """Weigh events by type and label, either of which may be null.

    A label of 0 or below speaks against the item, and so does a type that does; otherwise the
    type sets the weight. An impression with a label above 0 was chosen after all, and weighs as
    much as an event of no type.
    """
    import polars as pl  # building only; `weight_of` serves without

    by_type = folded(types).replace_strict(WEIGHTS, default=DEFAULT_WEIGHT)
    return (
        pl.when(labels <= 0)
        .then(NEGATIVE_WEIGHT)
        .when((by_type == 0) & (labels > 0))
        .then(DEFAULT_WEIGHT)
        .otherwise(by_type)
    )


def weight_of(event_type: str | None, label: float | None) -> float:
    """Weigh one event as `weight` does; 0 means that it is left out."""
    if label is not None and label <= 0:
        return NEGATIVE_WEIGHT
    by_type = DEFAULT_WEIGHT if event_type is None else _weight_of_type(event_type)
    return DEFAULT_WEIGHT if by_type == 0 and label is not None else by_type


def _weight_of_type(event_type: str) -> float:
    kept = [char for char in event_type.lower() if unicodedata.category(char)[0] in "LN"]
    return WEIGHTS.get("".join(kept), DEFAULT_WEIGHT)
