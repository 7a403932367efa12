from datetime import UTC, date, datetime

import polars as pl
import pytest
from sightline.errors import ConfigError
from sightline.sources.roles import Role, infer_roles

JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 16
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 16
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 "
AVIF = b"\x00\x00\x00\x20ftypavif\x00\x00"


def role(name, values, **kwargs):
    frame = pl.DataFrame({"item_id": range(len(values)), name: pl.Series(values, **kwargs)})
    return infer_roles(frame, id_column="item_id", override={})[name]


@pytest.mark.parametrize(
    "name",
    [
        "image",
        "product_image_url",
        "imageURL",
        "imgs",
        "picture_path",
        "photoUri",
        "thumbnailurl",
        "posterPath",
        "cover_image",
        "avatar",
        "image2",
    ],
)
def test_a_name_and_addresses_make_images(name):
    assert role(name, ["https://cdn.example/4711", "https://cdn.example/4712?w=200"]) is Role.IMAGE


@pytest.mark.parametrize("value", ["photos/red dress.jpg", "/srv/img/1", "a\\b.png", "1.webp"])
def test_a_name_and_paths_make_images(value):
    assert role("photo", [value]) is Role.IMAGE


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("image_alt", ["a red dress", "a blue one"]),
        ("image_count", [1, 2]),
        ("cover_type", ["Paperback", "Hardcover"]),
        ("photographer", ["Ansel", "Dorothea"]),
        ("discovered", ["https://a/1", "https://a/2"]),
    ],
)
def test_a_name_without_such_content_does_not(name, values):
    assert role(name, values) is not Role.IMAGE


@pytest.mark.parametrize("extension", ["jpg", "JPEG", "png", "webp", "gif", "avif", "bmp", "tiff"])
def test_content_alone_makes_images(extension):
    values = [f"https://x.example/{n}.{extension}?size=large" for n in range(9)]
    assert role("asset", [*values, "missing"]) is Role.IMAGE


@pytest.mark.parametrize("content", [JPEG, PNG, WEBP, AVIF, b"GIF89a", b"BM1234"])
def test_bytes_that_begin_like_a_picture_are_images(content):
    assert role("blob", [content, None, b"", content, b"<html>"]) is Role.IMAGE


def test_other_bytes_are_other():
    assert role("image", [b"RIFF\x10\x00\x00\x00WAVE", b"%PDF"]) is Role.OTHER


def test_a_list_is_an_image_where_its_first_elements_are():
    assert role("shots", [["a.jpg", "b.jpg"], [], None, ["c.png"]]) is Role.IMAGE
    assert role("images", [[JPEG]]) is Role.IMAGE
    assert role("tags", [["red"], ["blue", "green"]]) is Role.LIST
    assert role("pair", [[1, 2]], dtype=pl.Array(pl.Int64, 2)) is Role.LIST


def test_several_image_columns_are_found_in_one_table():
    frame = pl.DataFrame({"id": [1], "image": ["a.jpg"], "back_photo": ["b.jpg"], "title": ["x"]})
    roles = infer_roles(frame, id_column="id", override={})
    assert [name for name, role in roles.items() if role is Role.IMAGE] == ["image", "back_photo"]


def test_an_image_column_with_nothing_in_it_is_still_one():
    assert role("image_url", [None, " "], dtype=pl.String) is Role.IMAGE


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, None], Role.BOOLEAN),
        ([1, 2], Role.NUMBER),
        ([1.5, None], Role.NUMBER),
        ([date(2024, 1, 1)], Role.TIME),
        ([datetime(2024, 1, 1, tzinfo=UTC)], Role.TIME),
        ([{"a": 1}], Role.OTHER),
        (["https://shop.example/p/1", "http://shop.example/p/2"], Role.URL),
        (["1.5", "-2", "3e4", ".5"], Role.NUMBER),
        (["yes", "no", "Yes"], Role.BOOLEAN),
        (["2024-01-01", "2024-01-02T10:00:00Z"], Role.TIME),
        (["red", "blue", "red", "red"], Role.CATEGORY),
        (["AB-1", "AB-2", "AB-3"], Role.TEXT),
        (["a description of forty characters and more"] * 4, Role.TEXT),
        ([None, None], Role.OTHER),
    ],
)
def test_type_and_content_decide_without_a_telling_name(values, expected):
    assert role("column", values) is expected


def test_one_bad_cell_in_a_hundred_does_not_change_a_role():
    assert role("price", ["1.5"] * 99 + ["N/A"]) is Role.NUMBER
    assert role("price", ["1.5"] * 9 + ["N/A"]) is not Role.NUMBER


def test_codes_with_leading_zeros_are_not_numbers():
    assert role("code", ["0012", "0013"]) is not Role.NUMBER


@pytest.mark.parametrize("name", ["title", "productTitle", "description", "name"])
def test_prose_is_known_by_its_name_even_where_it_repeats(name):
    assert role(name, ["Red shoe"] * 10) is Role.TEXT


@pytest.mark.parametrize("name", ["created_at", "release_date", "timestamp", "updatedAt"])
def test_large_numbers_under_the_name_of_a_time_are_times(name):
    assert role(name, [1_704_067_200, 1_704_067_200_000]) is Role.TIME


@pytest.mark.parametrize(("name", "value"), [("prep_time", 45), ("population", 1_704_067_200)])
def test_a_time_needs_both_the_name_and_the_size(name, value):
    assert role(name, [value]) is Role.NUMBER


def test_the_id_column_is_the_id_whatever_it_holds():
    frame = pl.DataFrame({"image": ["a.jpg"], "x": [1]})
    assert infer_roles(frame, id_column="image", override={})["image"] is Role.ID


@pytest.mark.parametrize(
    ("feature_type", "expected"),
    [
        ("Category", Role.CATEGORY),
        ("TextCategory", Role.CATEGORY),
        ("LowCardinalityCategory", Role.CATEGORY),
        ("Numerical", Role.NUMBER),
        ("Boolean", Role.BOOLEAN),
        ("Binary", Role.BOOLEAN),
        ("Timestamp", Role.TIME),
        ("Text", Role.TEXT),
        ("Url", Role.URL),
        ("Image", Role.IMAGE),
        ("Sequence[Category]", Role.LIST),
        ("Sequence[TextCategory]", Role.LIST),
        ("Sequence[Text]", Role.LIST),
    ],
)
def test_every_feature_type_of_the_surface_can_be_stated(feature_type, expected):
    frame = pl.DataFrame({"id": [1], "Column": ["a.jpg"]})
    assert (
        infer_roles(frame, id_column="id", override={"column": feature_type})["Column"] is expected
    )


def test_an_unknown_feature_type_is_answered_with_the_nearest():
    frame = pl.DataFrame({"id": [1], "poster": ["a"]})
    with pytest.raises(ConfigError, match="'Imge'; did you mean Image"):
        infer_roles(frame, id_column="id", override={"poster": "Imge"})


def test_stating_a_column_that_is_not_there_lists_those_that_are():
    frame = pl.DataFrame({"id": [1], "poster": ["a"]})
    with pytest.raises(ConfigError, match=r"'poster_url'.*id, poster"):
        infer_roles(frame, id_column="id", override={"poster_url": "Image"})
