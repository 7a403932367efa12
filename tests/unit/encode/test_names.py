from pathlib import Path

import pytest
from sightline.encode.names import EncoderName, parse_name
from sightline.errors import EncoderError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("attributes", EncoderName("attributes")),
        ("my-shop_2", EncoderName("my-shop_2")),
        ("my-shop:int8", EncoderName("my-shop", "int8")),
        ("openai/clip-b32", EncoderName("openai/clip-b32", repo="openai/clip-b32")),
        (" a/b ", EncoderName("a/b", repo="a/b")),
        ("a/b:fp16", EncoderName("a/b", "fp16", repo="a/b")),
        ("a/b@v1.0", EncoderName("a/b@v1.0", repo="a/b", revision="v1.0")),
        ("a/b@refs/pr/3:int8", EncoderName("a/b@refs/pr/3", "int8", None, "a/b", "refs/pr/3")),
        ("ViT-B-32__openai", EncoderName("ViT-B-32__openai", repo="immich-app/ViT-B-32__openai")),
        (
            "ViT-B-32__openai@abc:fp32",
            EncoderName("ViT-B-32__openai@abc", "fp32", None, "immich-app/ViT-B-32__openai", "abc"),
        ),
    ],
)
def test_a_name_is_taken_apart(name, expected):
    assert parse_name(name) == expected


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("./packs/clip", None),
        ("./packs/clip:int8", "int8"),
        ("../clip", None),
        ("~/clip:fp16", "fp16"),
        ("/srv/clip@home", None),
        (r"C:\packs\clip", None),
        (r"C:\packs\clip:int8", "int8"),
        ("C:/clip", None),
        ("C:int8", None),
    ],
)
def test_a_path_is_a_folder_and_a_drive_letter_no_precision(name, precision):
    parsed = parse_name(name)
    assert parsed.folder is not None
    assert parsed.folder.is_absolute()
    assert parsed.precision == precision
    assert parsed.repo is None
    assert "int8" not in str(parsed.folder) or name == "C:int8"


def test_a_folder_that_exists_is_meant_before_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("owner/model").mkdir(parents=True)
    Path("attributes").mkdir()
    assert parse_name("owner/model:int8") == EncoderName(
        str(tmp_path / "owner/model"), "int8", folder=tmp_path / "owner/model"
    )
    assert parse_name("owner/other").repo == "owner/other"
    assert parse_name("attributes").folder is None


def test_a_name_is_written_as_it_is_read():
    assert str(parse_name("a/b@v1:int8")) == "a/b@v1:int8"
    assert str(parse_name("a/b")) == "a/b"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "one line of printable"),
        ("a\nb", "one line of printable"),
        ("a/b\x00", "one line of printable"),
        ("a/b:fp8", "'fp8' is no precision; there are fp32, fp16, int8"),
        ("a/b:INT8", "'INT8' is no precision"),
        ("https://huggingface.co/openai/clip-b32/tree/main", "the id 'openai/clip-b32'"),
        ("hf://openai/clip-b32", "the id 'openai/clip-b32'"),
        ("a/b/c", "neither a folder"),
        ("a/..", "neither a folder"),
        ("a/b--c", "neither a folder"),
        ("a/b@", "after '@'"),
        ("a/b@../../c", "after '@'"),
        ("a/b@x y", "after '@'"),
        ("shop@v1", "have revisions"),
        ("{clip}", "neither a folder"),
        ("ä/b", "neither a folder"),
    ],
)
def test_what_can_be_no_name_is_refused_with_the_reason(name, why):
    with pytest.raises(EncoderError) as caught:
        parse_name(name)
    assert why in str(caught.value)
    assert repr(name) in str(caught.value)
