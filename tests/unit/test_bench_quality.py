"""The measures of the quality bench, and which rows it takes."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

BENCH = Path(__file__).parents[2] / "bench"
AXES = np.eye(4, dtype=np.float32)


@pytest.fixture
def measures(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module("quality_measures")


@pytest.fixture
def tables(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module("quality_data")


def _scores(*rows):
    return np.array(rows, np.float32)


def _right(*rows):
    return np.array(rows, np.bool_)


def test_the_rank_is_the_place_of_the_nearest_right_row(measures) -> None:
    gallery = _scores([1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1])
    query = _scores([1, 0], [1, 0], [1, 0])
    places = np.arange(4)
    ranks = measures.first_right_ranks(query, np.array([0, 2, 3]), gallery, places)
    assert ranks.tolist() == [1, 3, 4]


def test_of_several_right_rows_the_nearest_gives_the_rank(measures) -> None:
    gallery = _scores([1, 0], [0.8, 0.6], [0.6, 0.8], [0, 1])
    photo_of = np.array([7, 5, 5, 5])
    assert measures.first_right_ranks(_scores([1, 0]), np.array([5]), gallery, photo_of) == [2]


def test_who_cannot_tell_rows_apart_finds_the_right_one_last(measures) -> None:
    same = np.ones((5, 1), np.float32)
    ranks = measures.first_right_ranks(same, np.arange(5), same, np.arange(5))
    assert ranks.tolist() == [5] * 5


def test_ranks_do_not_depend_on_how_many_queries_are_scored_at_a_time(measures, monkeypatch):
    rng = np.random.default_rng(0)
    queries, gallery = rng.normal(size=(2, 30, 8)).astype(np.float32)
    ask = (queries, np.arange(30), gallery, np.arange(30))
    at_once = measures.first_right_ranks(*ask)
    monkeypatch.setattr(measures, "_ROWS", 7)
    assert measures.first_right_ranks(*ask).tolist() == at_once.tolist()


def test_recall_at_k_is_the_share_of_ranks_up_to_k(measures) -> None:
    ranks = np.array([1, 2, 5, 6, 100])
    assert measures.within(ranks, 5).mean() == pytest.approx(0.6)


def test_precision_at_k_counts_the_right_ones_among_the_k_best(measures) -> None:
    scores = _scores([0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4])
    is_right = _right([1, 0, 1, 1], [1, 0, 0, 0])
    assert measures.top_k_precision(scores, is_right, 3).tolist() == pytest.approx([2 / 3, 0])


def test_ties_at_the_edge_count_by_their_share_of_right_ones(measures) -> None:
    scores = _scores([0.9, 0.5, 0.5, 0.5, 0.5, 0.1])
    is_right = _right([1, 1, 0, 0, 0, 1])
    # One above the edge, one place for four tied of which one is right.
    assert measures.top_k_precision(scores, is_right, 2).tolist() == [(1 + 1 / 4) / 2]


def test_the_order_of_tied_columns_does_not_matter(measures) -> None:
    scores, is_right = _scores([0.5] * 6), _right([1, 1, 0, 0, 0, 0])
    forth = measures.top_k_precision(scores, is_right, 1)
    assert forth == measures.top_k_precision(scores, is_right[:, ::-1], 1) == [pytest.approx(1 / 3)]


def test_a_picture_is_not_its_own_neighbour(measures) -> None:
    labels = np.array(["a", "b", "a", "b"])
    vectors = AXES[[0, 0, 1, 1]]  # the nearest of each, but itself, has the other label
    assert measures.neighbour_precision(vectors, labels, 1).tolist() == [0] * 4


def test_neighbours_of_a_gallery_may_be_equal_to_the_query(measures) -> None:
    labels = np.array(["a", "b"])
    vectors = AXES[:2]
    shares = measures.neighbour_precision(vectors, labels, 1, gallery=(vectors, labels))
    assert shares.tolist() == [1, 1]


def test_each_query_is_left_out_of_its_own_part_of_the_scores(measures, monkeypatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(23, 6)).astype(np.float32)
    labels = np.arange(23) % 3
    at_once = measures.neighbour_precision(vectors, labels, 4)
    monkeypatch.setattr(measures, "_ROWS", 5)
    assert measures.neighbour_precision(vectors, labels, 4).tolist() == at_once.tolist()


def test_the_interval_holds_the_value_and_is_the_same_every_time(measures) -> None:
    scores = np.random.default_rng(1).random(200)
    one = measures.estimate(scores)
    assert one.low < one.value < one.high
    assert (one.value, one.n) == (scores.mean(), 200)
    assert measures.estimate(scores) == one


def test_the_interval_of_a_mean_is_about_two_standard_errors_wide_each_way(measures) -> None:
    scores = np.random.default_rng(2).normal(size=1000)
    one = measures.estimate(scores)
    assert one.high - one.low == pytest.approx(2 * 1.96 * scores.std() / 1000**0.5, rel=0.1)


def test_what_belongs_together_is_drawn_together_and_widens_the_interval(measures) -> None:
    photo_of = np.tile(np.arange(40), 5)  # in no order of theirs
    hits = (photo_of % 2).astype(float)
    alone, together = measures.estimate(hits), measures.estimate(hits, groups=photo_of)
    assert together.value == alone.value == 0.5
    assert (together.high - together.low) > 1.8 * (alone.high - alone.low)


def test_the_median_has_an_interval_too(measures) -> None:
    one = measures.estimate(np.arange(1, 102), np.median)
    assert one.low < one.value == 51 < one.high


def test_one_score_is_its_own_interval(measures) -> None:
    one = measures.estimate(np.array([0.25]))
    assert (one.low, one.value, one.high, one.n) == (0.25, 0.25, 0.25, 1)


def test_prompts_are_averaged_to_a_unit_vector(measures) -> None:
    assert measures.mean_direction(AXES[:2]) == pytest.approx([0.5**0.5, 0.5**0.5, 0, 0])


def test_one_answer_for_all_is_right_as_often_as_the_most_frequent_label(measures) -> None:
    assert measures.is_majority(np.array(["b", "a", "b", "c"])).mean() == 0.5


def test_only_classes_that_were_kept_out_of_training_are_taken(tables, tmp_path) -> None:
    wnids = ["n00000005", "n00000006", "n00000010"]
    pl.DataFrame({"wnid": wnids, "image": [b"5", b"6", b"10"]}).write_parquet(
        tmp_path / "tiny_imagenet.parquet"
    )
    unseen = tables.Tables(tmp_path).unseen_classes()
    assert unseen.labels.tolist() == ["n00000005", "n00000010"]
    assert unseen.pictures == [b"5", b"10"]


def test_of_the_sample_every_fifth_row_and_the_classes_kept_out_are_unseen(
    tables, tmp_path
) -> None:
    ids = [f"n0000000{number}_name" for number in (1, 2, 5, 3, 4, 6, 7)]
    pl.DataFrame({"id": ids, "label": ids, "image": [b""] * 7}).write_parquet(
        tmp_path / "imagenet_sample.parquet"
    )
    assert tables.Tables(tmp_path).imagenet_sample().unseen_rows == [0, 2, 5]


def test_a_table_that_is_not_there_is_named(tables, tmp_path) -> None:
    with pytest.raises(tables.DataError, match=r"has no grocery\.parquet"):
        tables.Tables(tmp_path).grocery("test")


def test_captions_of_ones_own_find_their_pictures_by_id(tables, tmp_path) -> None:
    captions, images = tmp_path / "captions.parquet", tmp_path / "images.parquet"
    pl.DataFrame(
        {"id": [1, 2, 3], "image_id": [20, 10, 20], "caption": ["a dog", "a cat", "a hound"]}
    ).write_parquet(captions)
    pl.DataFrame({"id": ["10", "20", "30"], "image": [b"cat", b"dog", b"none"]}).write_parquet(
        images
    )
    captioned = tables.read_captioned(captions, images)
    found = [captioned.pictures[picture] for picture in captioned.picture_of]
    assert dict(zip(captioned.captions, found, strict=True)) == {
        "a dog": b"dog",
        "a hound": b"dog",
        "a cat": b"cat",
    }
    assert len(captioned.pictures) == 2


def test_one_file_may_hold_pictures_and_lists_of_captions(tables, tmp_path) -> None:
    file = tmp_path / "both.parquet"
    pl.DataFrame(
        {"id": ["a", "b"], "captions": [["one", "two"], ["three"]], "image": [b"a", b"b"]}
    ).write_parquet(file)
    captioned = tables.read_captioned(file, file)
    assert captioned.captions == ["one", "two", "three"]
    assert captioned.picture_of.tolist() == [0, 0, 1]


def test_captions_without_a_column_of_texts_are_refused_by_its_name(tables, tmp_path) -> None:
    file = tmp_path / "both.parquet"
    pl.DataFrame({"id": ["a"], "text": ["one"], "image": [b"a"]}).write_parquet(file)
    with pytest.raises(tables.DataError, match="no column captions or caption, but id, text"):
        tables.read_captioned(file, file)


def test_captions_that_no_picture_belongs_to_are_refused(tables, tmp_path) -> None:
    captions, images = tmp_path / "captions.parquet", tmp_path / "images.parquet"
    pl.DataFrame({"id": ["a"], "caption": ["one"]}).write_parquet(captions)
    pl.DataFrame({"id": ["b"], "image": [b"b"]}).write_parquet(images)
    with pytest.raises(tables.DataError, match="do the ids match"):
        tables.read_captioned(captions, images)
