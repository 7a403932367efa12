"""What a fresh installation understands, without a download: pictures and words."""

import numpy as np
import pytest
from sightline import Client
from sightline.demo.draw import Look, draw_product
from sightline.errors import EncoderError
from sightline.images.codec import encode

LOOKS = {
    f"{colour}-{pattern}-{kind}": Look(kind, colour, pattern, "matte")
    for kind in ("dress", "mug", "backpack", "clock")
    for colour in ("red", "blue", "yellow", "black")
    for pattern in ("plain", "horizontal", "dots")
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of drawn products whose names say nothing of them."""
    folder = tmp_path_factory.mktemp("photos")
    for number, look in enumerate(LOOKS.values()):
        pixels = draw_product(look, width=200, height=200, rng=np.random.default_rng(900 + number))
        (folder / f"{number:03d}.png").write_bytes(encode(pixels, "PNG"))
    return folder


@pytest.fixture(scope="module")
def client(photos, tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        # Nothing answers there: whoever asked the network would fail.
        environment.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
        opened = Client(tmp_path_factory.mktemp("home"))
        opened.index(photos, model_name="photos")
        yield opened


def shown(response):
    names = list(LOOKS)
    return [names[int(item[:3])] for item in response.ids]


@pytest.mark.parametrize(
    ("query", "colour", "kind"),
    [
        ("a red dress", "red", "dress"),
        ("blue mug", "blue", "mug"),
        ("a photo of a yellow backpack", "yellow", "backpack"),
        ("black clock", "black", "clock"),
    ],
)
def test_words_find_pictures_without_a_download(client, query, colour, kind):
    found = shown(client.retrieve("photos", text_query=query, limit=3))
    assert all(name.startswith(colour) and name.endswith(kind) for name in found)


def test_patterns_are_understood(client):
    dotted = shown(client.retrieve("photos", text_query="polka dot", limit=8))
    assert sum("-dots-" in name for name in dotted) >= 6
    assert shown(client.retrieve("photos", text_query="red striped dress", limit=1)) == [
        "red-horizontal-dress"
    ]


def test_what_looks_alike_is_near(client):
    near = shown(client.similar_items("photos", "000.png", limit=3))
    assert all(name.endswith("dress") for name in near)


def test_it_is_listed_shown_and_checked_like_any_other(client):
    encoders = client.encoders
    assert encoders.list()[0]["name"] == "sightline-mini"
    about = encoders.show("sightline-mini")
    assert (about["dim"], about["precision"], about["reads"]) == (256, "int8", "pictures and texts")
    report = encoders.check("sightline-mini")
    assert report["agreement"]["images"]["cosine"] > 0.99  # int8, beside PyTorch's float32
    assert report["agreement"]["texts"]["cosine"] > 0.999
    assert report["images_per_second"] > 0


def test_its_name_is_taken(client, tmp_path):
    with pytest.raises(EncoderError, match="neither 'attributes' nor 'sightline-mini'"):
        client.encoders.build(tmp_path, name="sightline-mini")


def test_another_precision_of_it_is_not_there(client):
    with pytest.raises(EncoderError, match="'sightline-mini:fp16'"):
        client.encoders.open("sightline-mini:fp16")


def test_a_model_of_another_version_of_it_says_what_to_do(client):
    record = client.encoders.record(client.encoders.open("sightline-mini"))
    older = {**record, "images": {**record["images"], "fingerprint": "int8-older"}}
    with pytest.raises(EncoderError, match="update-model"):
        client.encoders.reopen(older)
