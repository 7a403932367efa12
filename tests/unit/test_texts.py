import numpy as np
import polars as pl
import pytest
from sightline.store.home import Home
from sightline.texts import item_texts, read_texts


class LetterCounts:
    """A text tower that counts letters, and remembers what it was given."""

    fingerprint = "letters"
    dim = 26

    def __init__(self):
        self.seen = []

    def encode(self, texts):
        self.seen.extend(texts)
        counts = np.array([[text.lower().count(chr(97 + i)) for i in range(26)] for text in texts])
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def read(texts, home, tower=None, progress=lambda *_: None):
    return read_texts(texts, tower or LetterCounts(), home=Home(home), progress=progress)


def test_the_shortest_column_comes_first_so_that_a_long_description_does_not_push_it_out():
    items = pl.DataFrame(
        {
            "description": ["a very long description of a dress", None, " "],
            "title": ["Red dress", "Blue mug", None],
            "tags": [["summer", "red"], None, []],
        }
    )
    assert item_texts(items, ["description", "title", "tags"]).to_list() == [
        "Red dress. summer, red. a very long description of a dress",
        "Blue mug",
        "",
    ]


def test_items_without_columns_of_words_have_no_text():
    items = pl.DataFrame({"price": [1, 2]})
    assert item_texts(items, []).to_list() == ["", ""]


def test_an_item_without_words_has_no_vector(tmp_path):
    meanings = read(["abc", "", "zz"], tmp_path)
    assert meanings.presence.tolist() == [True, False, True]
    np.testing.assert_allclose(np.linalg.norm(meanings.vectors, axis=1), [1, 0, 1], atol=1e-6)
    assert meanings.vectors[2, 25] == 1


def test_equal_texts_are_encoded_once_and_never_again(tmp_path):
    first = LetterCounts()
    before = read(["abc", "cab", "abc"], tmp_path, first)
    assert sorted(first.seen) == ["abc", "cab"]
    second = LetterCounts()
    after = read(["new", "abc", "cab"], tmp_path, second)
    assert second.seen == ["new"]
    np.testing.assert_array_equal(after.vectors[1:], before.vectors[:2])


def test_what_was_encoded_before_an_interruption_is_kept(tmp_path):
    class Interrupted(LetterCounts):
        def encode(self, texts):
            if self.seen:
                raise KeyboardInterrupt
            return super().encode(texts)

    texts = [f"item {chr(97 + i % 26) * (i // 26 + 1)}" for i in range(500)]
    with pytest.raises(KeyboardInterrupt):
        read(texts, tmp_path, Interrupted())
    rest = LetterCounts()
    read(texts, tmp_path, rest)
    assert 0 < len(rest.seen) < 500


def test_a_lone_surrogate_is_a_text_like_any_other(tmp_path):
    assert read(["abc \ud800"], tmp_path).presence.all()


def test_progress_counts_distinct_texts(tmp_path):
    told = []
    texts = [chr(97 + i % 26) * (1 + i // 26) for i in range(300)]
    read([*texts, *texts], tmp_path, progress=lambda *step: told.append(step))
    assert told[-1] == ("texts", 300, 300)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
