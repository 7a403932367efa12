import polars as pl
import pytest
from sightline.lexicon import NAME_WEIGHT, build_lexicon
from sightline.sources.items import item_table

FRAME = pl.DataFrame(
    {
        "item_id": ["sku-1", "sku-2"],
        "product_name": ["Red mug", "Blue cup"],
        "category": ["kitchen", "kitchen"],
        "tags": [["gift"], ["blue"]],
        "ean": [4006381333931, None],
        "price": [12345.0, 7.0],
        "image_url": ["https://example.org/mug.jpg", "https://example.org/cup.jpg"],
    }
)


@pytest.fixture
def lexicon():
    table = item_table(FRAME)
    return build_lexicon(table.frame, table.roles, table.ids)


def test_texts_categories_lists_codes_and_ids_are_searched(lexicon):
    expected = {"red", "mug", "blue", "cup", "kitchen", "gift", "4006381333931", "sku1", "sku2"}
    assert set(lexicon.vocabulary) == expected


def test_a_code_read_as_a_float_is_still_a_code():
    table = item_table(FRAME.with_columns(pl.col("ean").cast(pl.Float64)))
    lexicon = build_lexicon(table.frame, table.roles, table.ids)
    assert "4006381333931" in lexicon.vocabulary


def test_words_of_a_title_count_more(lexicon):
    assert NAME_WEIGHT > 1
    of_title, of_tags = (lexicon.vocabulary.index(word) for word in ("mug", "gift"))
    starts = lexicon.offsets[[of_title, of_tags]]
    assert lexicon.rows[starts].tolist() == [0, 0]
    assert lexicon.weights[starts[0]] > lexicon.weights[starts[1]]


def test_a_code_of_the_item_s_own_counts_more_than_one_it_speaks_of():
    frame = pl.DataFrame(
        {
            "item_id": ["a", "b"],
            "model": ["XR1", "XR2"],
            "description": ["for XR2 and the like", "for XR1 and the like"],
        }
    )
    table = item_table(frame)
    lexicon = build_lexicon(table.frame, table.roles, table.ids)
    word = lexicon.vocabulary.index("xr1")
    own, other = lexicon.weights[slice(*lexicon.offsets[word : word + 2])]
    assert own > other
