"""The picture someone asks with: read, or refused with words that help."""

import asyncio

import numpy as np
import pytest
from sightline.errors import UnreadableImageError
from sightline.images.limits import Limits
from sightline.images.query import read_query_image
from sightline.types import View


def test_path_text_bytes_and_url_give_the_same_pixels(site, tmp_path, png):
    path = tmp_path / "a.png"
    path.write_bytes(png)
    sources = [path, str(path), png, site.serve("/a", png)]
    read = [read_query_image(source, view=View(16), allow_hosts=[site.host]) for source in sources]
    assert all((picture.width, picture.height) == (48, 32) for picture in read)
    for picture in read:
        np.testing.assert_array_equal(picture.pixels[0], read[0].pixels[0])


def test_url_can_be_read_where_an_event_loop_runs(site, png):
    url = site.serve("/a", png)

    async def notebook_cell():
        return read_query_image(url, view=View(16), allow_hosts=[site.host])

    assert asyncio.run(notebook_cell()).width == 48


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("no/such.jpg", r"no/such.jpg: not_found: no such file.*check the path"),
        (".", "a folder, not a regular file"),
        (b"<html>", r"6 bytes.*HTML.*pass a whole JPEG"),
        ("http://127.0.0.1/a.jpg", r"not a public address.*allow_hosts"),
        ("http://user:secret@host/a.jpg", r"credentials"),
    ],
)
def test_message_says_what_which_and_what_to_do(source, words):
    with pytest.raises(UnreadableImageError, match=words):
        read_query_image(source, view=View(16))


def test_message_does_not_repeat_a_password():
    with pytest.raises(UnreadableImageError) as failure:
        read_query_image("http://user:secret@host/a.jpg", view=View(16))
    assert "secret" not in str(failure.value)


def test_large_query_is_refused(png):
    with pytest.raises(UnreadableImageError, match="pass a smaller copy"):
        read_query_image(png, view=View(16), limits=Limits(max_bytes=10))
