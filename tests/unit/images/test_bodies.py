"""The log of downloads: what is whole is read again, wherever it was cut off."""

import hashlib
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sightline.images.bodies import BodyFiles, Download

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
DOWNLOADS = st.lists(
    st.tuples(st.binary(max_size=20), TEXT, TEXT, st.floats(0, 2e9), st.binary(max_size=50)),
    min_size=1,
    max_size=6,
)


def written(folder, rows, repeated=()):
    """Write one segment, and return it with the downloads that are in it."""
    files = BodyFiles(folder, segment_bytes=10**9)
    records = []
    for number, (url, etag, last_modified, fetched_at, body) in enumerate(rows):
        content_hash = hashlib.sha256(body).hexdigest()
        download = Download(url, content_hash, etag, last_modified, fetched_at)
        records.append((download, None if number in repeated else body))
    places = files.append(records)
    files.end_segment()
    return files, records, places


@settings(max_examples=60, deadline=None)
@given(rows=DOWNLOADS, repeated=st.sets(st.integers(0, 5)), data=st.data())
def test_log_that_was_cut_off_anywhere_still_has_what_is_whole(rows, repeated, data):
    with tempfile.TemporaryDirectory() as folder:
        files, records, places = written(Path(folder), rows, repeated)
        path = Path(folder, files.segment)
        cut = data.draw(st.integers(0, path.stat().st_size))
        path.write_bytes(path.read_bytes()[:cut])
        found = list(files.records(files.segment, start=0))
        whole = [place for place in places if place.end <= cut]
        assert [record.place for record in found] == whole
        for record, (download, body), place in zip(found, records, places, strict=False):
            assert record.download == download
            assert record.has_body == (body is not None)
            if body is not None:
                assert files.read(place, download.content_hash).data == body


@settings(max_examples=60, deadline=None)
@given(rows=DOWNLOADS, data=st.data())
def test_damaged_log_never_yields_a_body_that_is_not_what_its_hash_says(rows, data):
    with tempfile.TemporaryDirectory() as folder:
        files, _, _ = written(Path(folder), rows)
        path = Path(folder, files.segment)
        log = bytearray(path.read_bytes())
        log[data.draw(st.integers(0, len(log) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(log)
        for download, place, has_body in files.records(files.segment, start=0):
            if has_body:
                assert files.read(place, download.content_hash) is not None


def test_segment_that_is_full_is_followed_by_another(tmp_path):
    files = BodyFiles(tmp_path, segment_bytes=100)
    download = Download(b"u", "ab" * 32, "", "", 0.0)
    names = {files.append([(download, bytes(60))])[0].segment for _ in range(4)}
    files.end_segment()
    assert len(names) == 4


def test_many_bodies_at_once_are_written_in_order(tmp_path):
    rows = [(b"u%d" % number, "", "", 0.0, b"%d" % number) for number in range(1_500)]
    files, records, places = written(tmp_path, rows)
    assert [r.download for r in files.records(files.segment, start=0)] == [d for d, _ in records]
    assert files.read(places[1_234], records[1_234][0].content_hash).data == b"1234"
