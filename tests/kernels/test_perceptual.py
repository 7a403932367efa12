import numpy as np
import pytest
from drawn_pictures import BLACK, BLUE, GREEN, WHITE, draw
from numpy.testing import assert_allclose, assert_array_equal
from sightline_kernels import SIDE
from sightline_kernels import perceptual as k
from sightline_kernels.perceptual import signatures

LIGHT, COLOR = slice(0, len(k.LIGHT)), slice(len(k.LIGHT), -1)
CONTRAST = -1


def naive_signature(picture):
    """One picture -> its row: every wave by its formula, every coefficient by its own sum."""
    inner = picture[k.RIM : SIDE - k.RIM, k.RIM : SIDE - k.RIM].astype(np.float64)
    red, green, blue = inner.transpose(2, 0, 1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = [luma, 0.564 * (blue - luma), 0.713 * (red - luma)]
    # The mean over cells of means over their pixels: a wave that is level on every cell.
    at = np.arange(len(inner)) // k.BLOCK + 0.5

    def coefficient(plane, v, u):
        down, across = (np.cos(np.pi * wave * at / k.CELLS) for wave in (v, u))
        scale = np.sqrt(2) ** np.count_nonzero([v, u])
        return scale * (down[:, None] * plane * across).mean()

    bright = max(coefficient(planes[0], 0, 0), k.DARK)
    light = np.array([coefficient(planes[0], v, u) * np.sqrt(np.hypot(v, u)) for v, u in k.LIGHT])
    color = [
        k.COLOR_WEIGHT * coefficient(plane, v, u) / bright / np.sqrt(max(np.hypot(v, u), 1))
        for plane in planes[1:]
        for v, u in k.COLOR
    ]
    contrast = np.linalg.norm(light) + k.FLAT
    return [*light / contrast, *color, k.CONTRAST_WEIGHT * np.log(contrast / bright)]


@pytest.fixture(scope="module")
def drawings():
    """Noise, a ramp, drawings on white, black and grey, and blank ones."""
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    ramp = np.arange(SIDE * SIDE * 3, dtype=np.int64) * 255 // (SIDE * SIDE * 3)
    blank = [np.full((SIDE, SIDE, 3), level, np.uint8) for level in (0, 7, 255)]
    return np.stack(
        [
            noise,
            ramp.reshape(SIDE, SIDE, 3).astype(np.uint8),
            draw("disc"),
            draw("box", BLUE, "checks", center=(0.45, 0.6)),
            draw("bar", GREEN, "stripes", backdrop=BLACK, radius=0.45),
            draw("disc", WHITE, "dots", backdrop=(128, 128, 128)),
            *blank,
        ]
    )


def test_signatures_equal_the_reference(drawings):
    expected = [naive_signature(picture) for picture in drawings]
    rows = signatures(drawings)
    assert rows.dtype == np.float32
    assert_allclose(rows, expected, rtol=1e-4, atol=2e-5)


def test_there_is_a_row_of_the_same_length_for_every_picture(drawings):
    assert signatures(drawings).shape == (len(drawings), k.SIGNATURE_DIM)
    assert signatures(drawings[:0]).shape == (0, k.SIGNATURE_DIM)


def test_rows_do_not_depend_on_the_other_pictures(drawings):
    alone = np.concatenate([signatures(drawings[place : place + 1]) for place in (3, 0, 8)])
    assert_array_equal(signatures(drawings)[[3, 0, 8]], alone)


def test_pictures_may_be_read_only_and_lie_apart_in_memory(drawings):
    expected = signatures(drawings)
    apart = np.repeat(drawings, 2, axis=0)[::2]
    mirrored = np.ascontiguousarray(drawings[:, :, ::-1])[:, :, ::-1]
    apart.flags.writeable = False
    assert_array_equal(signatures(apart), expected)
    assert_array_equal(signatures(mirrored), expected)


def test_blank_pictures_have_finite_rows_without_light_or_colour(drawings):
    blank = signatures(drawings[-3:])
    assert np.isfinite(blank).all()
    assert_allclose(blank[:, LIGHT], 0, atol=1e-4)
    assert_allclose(blank[:, COLOR], 0, atol=1e-4)


def test_what_lies_at_the_rim_is_not_seen(drawings):
    framed = drawings.copy()
    framed[:, : k.RIM] = framed[:, :, -k.RIM :] = 0
    assert_array_equal(signatures(framed), signatures(drawings))
    framed[:, k.RIM] = 0
    assert not np.array_equal(signatures(framed), signatures(drawings))


def test_equal_light_falls_out():
    bright = draw("box", (200, 120, 80), "checks", backdrop=(220, 220, 220))
    rows = signatures(np.stack([bright, bright // 2]))
    apart = np.linalg.norm(rows[1] - rows[0])
    assert apart < 0.1
    assert np.linalg.norm(rows[1, COLOR] - rows[0, COLOR]) < 0.05


def test_light_tells_forms_apart_and_colour_hues(drawings):
    disc, box = draw("disc"), draw("box")
    grey, red = draw(color=(104, 104, 104)), draw(color=(200, 61, 61))  # of one luma
    form = signatures(np.stack([disc, box]))
    hue = signatures(np.stack([grey, red]))
    assert np.linalg.norm(form[1, LIGHT] - form[0, LIGHT]) > 0.1
    assert np.linalg.norm(hue[1, LIGHT] - hue[0, LIGHT]) < 0.02
    assert np.linalg.norm(hue[1, COLOR] - hue[0, COLOR]) > 0.5


def test_contrast_tells_a_pale_copy_from_the_full_one():
    full, pale = draw(color=(0, 0, 0)), draw(color=(200, 200, 200))
    rows = signatures(np.stack([full, pale]))
    assert rows[0, CONTRAST] > rows[1, CONTRAST] + 1
    assert np.linalg.norm(rows[1, LIGHT] - rows[0, LIGHT]) < 0.2
