import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sightline.sources.weights import WEIGHTS, weight, weight_of

SPELLINGS = [*WEIGHTS, "Add To Cart", "ADD-TO-CART", "thumbs_up!", "İmpression", "zap", "", " "]


def by_column(event_type, label):
    frame = pl.DataFrame(
        {"event_type": [event_type], "label": [label]},
        schema={"event_type": pl.String, "label": pl.Float64},
    )
    return frame.select(weight(pl.col("event_type"), pl.col("label"))).item()


@given(
    st.none()
    | st.sampled_from(SPELLINGS)
    # What Python's tables do not name yet, those of the column's library may call a letter.
    | st.text(st.characters(exclude_categories=["Cs", "Cn"])),
    st.none() | st.floats(allow_infinity=True, allow_nan=False),
)
def test_one_event_weighs_what_it_weighs_in_a_column(event_type, label):
    assert weight_of(event_type, label) == by_column(event_type, label)


@pytest.mark.parametrize("label", [None, 1.0, 0.0])
@pytest.mark.parametrize("event_type", SPELLINGS)
def test_every_known_type_weighs_the_same_both_ways(event_type, label):
    assert weight_of(event_type, label) == by_column(event_type, label)


def test_weighing_one_event_does_without_polars():
    command = (
        "import sys; from sightline.sources.weights import weight_of; weight_of('view', None); "
        "print('polars' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True)
    assert found.stdout.split() == [b"False"]
