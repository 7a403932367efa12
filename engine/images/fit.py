"""A view into where the picture goes: its scaled size, and the part of it that the view shows.

Sizes are rounded as the preprocessing of the published models rounds them (OpenAI's CLIP through
torchvision, transformers, open_clip, timm): vectors are meant to be those of the reference.
"""

from dataclasses import dataclass

from ..types import View

# EXIF orientations whose stored picture is mirrored, against the displayed one, along its own
# width and along its own height; from 5 on its axes are exchanged as well.
_MIRRORED_WIDTH = {2, 3, 7, 8}
_MIRRORED_HEIGHT = {3, 4, 6, 7}


@dataclass(frozen=True, slots=True)
class Span:
    """What a view shows of one axis of a picture.

    Parameters
    ----------
    scaled
        Length of the whole axis once it is scaled, in pixels of the view.
    start, length
        The part of `scaled` that is shown.
    offset
        Where in the view the part begins: above 0 behind a border.
    """

    scaled: int
    start: int
    length: int
    offset: int


@dataclass(frozen=True, slots=True)
class Fit:
    """How a picture, as displayed, meets the square of a view."""

    across: Span
    down: Span

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what is shown, without a border."""
        return self.across.length, self.down.length


def fit(width: int, height: int, view: View) -> Fit:
    """Place a picture of this displayed size in a view.

    However narrow the picture, at least one pixel of it is shown.
    """
    scaled_width, scaled_height = scaled_size(width, height, view)
    return Fit(_span(scaled_width, view.side), _span(scaled_height, view.side))


def scaled_size(width: int, height: int, view: View) -> tuple[int, int]:
    """Return the width and height that a view scales the whole of a picture to."""
    if view.fit == "squash":
        return view.side, view.side
    if view.fit == "crop":
        # The longer edge is cut off to a whole pixel, not rounded, as torchvision does it.
        shorter = min(width, height)
        return view.side * width // shorter, view.side * height // shorter
    longer = max(width, height)
    return (
        max(1, round(view.side * width / longer)),
        max(1, round(view.side * height / longer)),
    )


def _span(scaled: int, side: int) -> Span:
    length = min(scaled, side)
    return Span(scaled, (scaled - length) // 2, length, (side - length) // 2)


def stored_shares(fit: Fit, orientation: int) -> tuple[float, float, float, float]:
    """Return the part that is shown as shares of the stored picture: left, top, right, bottom.

    Parameters
    ----------
    fit
        In the picture as displayed.
    orientation
        EXIF orientation, 1 to 8, that turns the stored picture into the displayed one.
    """
    x, y = (fit.down, fit.across) if orientation >= 5 else (fit.across, fit.down)
    left, right = _shares(x, is_mirrored=orientation in _MIRRORED_WIDTH)
    top, bottom = _shares(y, is_mirrored=orientation in _MIRRORED_HEIGHT)
    return left, top, right, bottom


def _shares(span: Span, *, is_mirrored: bool) -> tuple[float, float]:
    start = span.scaled - span.start - span.length if is_mirrored else span.start
    return start / span.scaled, (start + span.length) / span.scaled
