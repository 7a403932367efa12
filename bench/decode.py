"""How many pictures a second one thread turns from bytes to the encoder's square.

Noise-textured photographs drawn from a fixed seed, as JPEG and PNG of three sizes. Run it once on
Pillow and once on pillow-simd (`scripts/use_pillow_simd.sh`): the results are kept side by side,
under the name of the distribution.
"""

from importlib import metadata

import numpy as np
from harness import Figures, main, time_calls
from sightline.images.codec import decode, encode
from sightline.types import Pixels, View

VIEW = View(96)
SIZES = {"500": (500, 500), "1200": (1200, 1600), "4000": (3000, 4000)}
MAX_PIXELS = 100_000_000


def draw(height: int, width: int) -> Pixels:
    """Draw smooth shading with fine grain: compresses about as a photograph does."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = np.stack(
        [np.sin(rows / (90 + 20 * c)) * np.cos(columns / (70 + 30 * c)) for c in range(3)]
    )
    grain = rng.normal(0, 6, (height, width, 1))
    return np.clip(128 + 90 * waves.transpose(1, 2, 0) + grain, 0, 255).astype(np.uint8)


def measure() -> Figures:
    """Time every size and format."""
    figures: dict[str, float] = {}
    for name, (height, width) in SIZES.items():
        pixels = draw(height, width)
        for picture_format in ("JPEG", "PNG"):
            data = encode(pixels, picture_format)
            repeats = 40 if name == "500" else 10
            timing = time_calls(
                lambda: decode(data, views=[VIEW], max_pixels=MAX_PIXELS),  # noqa: B023
                repeats=repeats,
            )
            figures[f"{picture_format.lower()}_{name}_per_s"] = round(1 / timing.median_s, 1)
    return figures


if __name__ == "__main__":
    owners = set(metadata.packages_distributions()["PIL"])
    main(
        "decode-" + "-".join(sorted(owners)).lower(),
        measure,
        question="How many pictures a second does one thread decode to the encoder's square?",
    )
