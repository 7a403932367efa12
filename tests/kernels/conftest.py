"""Pictures that kernels and their references are compared on."""

import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_pictures import BLACK, BLUE, GREEN, WHITE, draw

# Test folders are not packages, so `reference.py` beside the tests has to be put on the path.
sys.path.insert(0, str(Path(__file__).parent))


def _pictures(side):
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    speck = np.full((side, side, 3), 200, np.uint8)
    speck[side // 2, side // 2] = 0
    return np.stack(
        [
            noise,
            speck,
            np.zeros((side, side, 3), np.uint8),
            draw("disc", side=side),
            draw("box", BLUE, "checks", side=side, center=(0.45, 0.6)),
            draw("bar", GREEN, "stripes", side=side, backdrop=BLACK, radius=0.45),
            draw("box", BLUE, "dots", side=side, center=(0.9, 0.5), radius=0.4),
            draw("disc", WHITE, "stripes", side=side, backdrop=WHITE, radius=0.7),
        ]
    )


@pytest.fixture(scope="session", params=[24, 17])
def pictures(request):
    """Noise, blank, a speck, drawings cut off or not, at an even and an odd side."""
    return _pictures(request.param)
