"""Pictures whose colour, form and pattern are known, because they are drawn here."""

import numpy as np

RED, BLUE, GREEN = (200, 35, 40), (40, 80, 190), (50, 150, 70)
WHITE, BLACK = (255, 255, 255), (20, 20, 20)


def draw(
    shape="disc",
    color=RED,
    pattern="plain",
    *,
    side=96,
    backdrop=WHITE,
    center=(0.5, 0.5),
    radius=0.35,
):
    """Return a picture (side, side, 3), uint8: one thing on a plain backdrop."""
    line = (np.arange(side) + 0.5) / side
    down, across = line[:, None] - center[0], line[None, :] - center[1]
    inside = {
        "disc": np.hypot(down, across) < radius,
        "box": np.maximum(abs(down), abs(across) + 0 * down) < radius * 0.8,
        "bar": (abs(down) < radius) & (abs(across) < radius * 0.3),
    }[shape]
    step = side / 96 * 8
    y, x = np.arange(side)[:, None], np.arange(side)[None, :]
    marked = {
        "plain": np.zeros((side, side), bool),
        "stripes": (y // step % 2 == 0) & (x >= 0),
        "checks": (y // step + x // step) % 2 == 0,
        "dots": np.hypot(y % step - step / 2, x % step - step / 2) < step * 0.35,
    }[pattern]
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = backdrop
    picture[inside] = color
    # Lighter, never the backdrop itself: a mark of the backdrop's colour would open the outline.
    picture[inside & marked] = np.array(color) // 2 + 90
    return picture
