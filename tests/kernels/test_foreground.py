import numpy as np
import pytest
import reference
from drawn_pictures import RED, WHITE, draw
from numpy.testing import assert_array_equal
from sightline_kernels import foreground as k
from sightline_kernels.color import oklab
from sightline_kernels.foreground import BACKDROP, INSIDE, OUTLINE, foreground


def test_masks_and_boxes_equal_the_reference(pictures):
    lab = oklab(pictures)
    masks, boxes = foreground(lab)
    for i in range(len(lab)):
        mask, box = reference.foreground(
            lab[i], same=k.SAME_COLOR, plain_rim=k.PLAIN_RIM, least=k.LEAST_SUBJECT
        )
        assert_array_equal(masks[i], mask)
        assert_array_equal(boxes[i], box)


def test_a_disc_on_a_plain_backdrop_is_found():
    picture = draw("disc", RED, side=32)
    masks, boxes = foreground(oklab(picture[None]))
    assert_array_equal(masks[0] > BACKDROP, (picture == RED).all(axis=-1))
    assert_array_equal(boxes, [[5, 5, 27, 27]])


def test_only_the_outline_touches_the_backdrop():
    masks, _ = foreground(oklab(draw("box", RED, side=16)[None]))
    expected = np.zeros((16, 16))
    expected[4:12, 4:12] = OUTLINE
    expected[5:11, 5:11] = INSIDE
    assert_array_equal(masks[0], expected)


def test_a_white_thing_on_white_keeps_its_inside():
    picture = draw("disc", (150, 150, 150), side=32)
    inner = draw("disc", WHITE, side=32, radius=0.3, backdrop=RED)
    picture[(inner == WHITE).all(axis=-1)] = WHITE
    masks, _ = foreground(oklab(picture[None]))
    assert masks[0, 16, 16] == INSIDE


def test_a_backdrop_that_winds_inwards_is_backdrop_to_its_end():
    picture = np.full((16, 16, 3), WHITE, np.uint8)
    picture[2:14, 2:14] = RED
    way = np.zeros((16, 16), bool)
    way[1:12, 4] = way[11, 4:12] = way[5:12, 11] = way[5, 7:12] = way[5:9, 7] = True
    picture[way] = WHITE
    masks, _ = foreground(oklab(picture[None]))
    assert_array_equal(masks[0] == BACKDROP, (picture == WHITE).all(axis=-1))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_is_subject_all_over(level):
    masks, boxes = foreground(oklab(np.full((1, 16, 16, 3), level, np.uint8)))
    assert masks.min() == OUTLINE
    assert_array_equal(boxes, [[0, 0, 16, 16]])


def test_a_picture_without_a_plain_rim_is_subject_all_over():
    noise = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), np.uint8)
    assert foreground(oklab(noise))[0].min() == OUTLINE


def test_a_thing_cut_off_below_does_not_become_the_backdrop():
    picture = draw("box", RED, side=32, center=(0.9, 0.5), radius=0.4)
    masks, _ = foreground(oklab(picture[None]))
    assert_array_equal(masks[0] > BACKDROP, (picture == RED).all(axis=-1))


def test_a_speck_does_not_widen_the_box():
    picture = draw("box", RED, side=32)
    picture[2, 2] = RED
    assert_array_equal(foreground(oklab(picture[None]))[1], [[7, 7, 25, 25]])


def test_a_picture_of_more_than_a_hundred_lines_has_a_box():
    blank = np.zeros((1, 128, 128, 3), np.uint8)
    assert_array_equal(foreground(oklab(blank))[1], [[0, 0, 128, 128]])


def test_no_pictures_give_no_masks():
    masks, boxes = foreground(np.empty((0, 16, 16, 3), np.float32))
    assert masks.shape == (0, 16, 16)
    assert boxes.shape == (0, 4)
