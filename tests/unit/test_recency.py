import numpy as np
import pytest
from sightline.recency import HALF_LIFE_PICKS, LASTING, by_order


def test_the_latest_pick_counts_one_and_each_before_it_less():
    counts = by_order(100)
    assert counts[-1] == 1
    assert (np.diff(counts) > 0).all()


def test_above_what_lasts_a_pick_counts_half_for_every_half_life_of_later_ones():
    counts = by_order(1 + 2 * int(HALF_LIFE_PICKS))[:: -int(HALF_LIFE_PICKS)]
    above = counts * (1 + LASTING) - LASTING
    assert above.tolist() == pytest.approx([1, 0.5, 0.25])


def test_the_oldest_of_very_many_still_counts_what_lasts():
    assert by_order(2_000)[0] == pytest.approx(LASTING / (1 + LASTING))


def test_what_a_pick_counts_depends_on_how_many_came_after_it_alone():
    assert by_order(50)[-5:].tolist() == by_order(5).tolist()


def test_no_picks_count_nothing_and_one_counts_one():
    assert by_order(0).shape == (0,)
    assert by_order(1).tolist() == [1]
    assert by_order(3).dtype == np.float32
