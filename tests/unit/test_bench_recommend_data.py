"""The tables of the ranking bench: those it reads, and those it draws to measure scale."""

import importlib
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def _beside_the_scripts(monkeypatch) -> None:
    monkeypatch.syspath_prepend(BENCH)


@pytest.fixture
def data() -> ModuleType:
    return importlib.import_module("recommend_data")


@pytest.fixture
def scale() -> ModuleType:
    return importlib.import_module("recommend_scale")


@pytest.fixture
def child() -> ModuleType:
    return importlib.import_module("recommend_scale_child")


@pytest.fixture
def movies(tmp_path) -> Path:
    """A folder with ratings.csv and movies.csv as MovieLens has them."""
    ratings = ["userId,movieId,rating,timestamp"]
    ratings += [f"7,{movie},4.5,{2000 - movie}" for movie in range(1, 12)]
    ratings += [f"7,{movie},3.5,1" for movie in range(12, 15)]
    ratings += [f"9,{movie},5.0,1" for movie in range(1, 10)]
    (tmp_path / "ratings.csv").write_text("\n".join(ratings), encoding="utf-8")
    movies = ["movieId,title,genres"]
    movies += [f'{movie},"Film, the {movie}th",Comedy|Drama' for movie in range(1, 14)]
    movies += ["14,Nothing (1999),(no genres listed)"]
    (tmp_path / "movies.csv").write_text("\n".join(movies), encoding="utf-8")
    return tmp_path


def test_movielens_files_are_read_as_they_come(data, movies) -> None:
    read = data.read_ratings(movies / "ratings.csv", movies / "movies.csv", None)
    assert read.user_ids == ["7"]  # 9 likes too little
    assert read.items.columns == ["item_id", "title", "genres"]
    assert read.items["genres"][0].to_list() == ["Comedy", "Drama"]
    assert len(read.log) == 11
    assert (np.diff(read.log.times) > 0).all()
    assert read.items["item_id"][int(read.log.items[0])] == "11"


def test_labels_are_what_lists_hold(data, movies) -> None:
    read = data.read_ratings(movies / "ratings.csv", movies / "movies.csv", None)
    assert read.labels().tolist() == [[1, 1]] * 13 + [[0, 0]]


def test_pictures_are_found_by_the_name_of_the_item(data, movies) -> None:
    (movies / "2.jpg").write_bytes(b"picture")
    (movies / "notes.txt").write_bytes(b"no picture")
    read = data.read_ratings(movies / "ratings.csv", movies / "movies.csv", movies)
    assert read.items["image"].to_list() == [None, b"picture", *[None] * 12]


def test_dates_without_ratings_are_likes_in_their_order(data, tmp_path) -> None:
    frame = pl.DataFrame(
        {
            "user_id": ["u"] * 10,
            "item_id": [str(row) for row in range(10)],
            "time": [datetime(2026, 1, 10 - row, tzinfo=UTC) for row in range(10)],
        }
    )
    frame.write_parquet(tmp_path / "picks.parquet")
    frame.select("item_id").write_parquet(tmp_path / "items.parquet")
    read = data.read_ratings(tmp_path / "picks.parquet", tmp_path / "items.parquet", None)
    assert read.log.items.tolist() == list(range(9, -1, -1))
    assert np.diff(read.log.times).tolist() == [86_400] * 9
    assert read.labels().shape == (10, 0)


def test_an_item_liked_twice_is_liked_when_it_was_first(data, tmp_path) -> None:
    rows = {
        "user_id": ["u"] * 11,
        "item_id": ["0", *map(str, range(10))],
        "time": [1, *range(5, 15)],
    }
    pl.DataFrame(rows).write_csv(tmp_path / "picks.csv")
    pl.DataFrame({"item_id": [str(row) for row in range(10)]}).write_csv(tmp_path / "items.csv")
    read = data.read_ratings(tmp_path / "picks.csv", tmp_path / "items.csv", None)
    assert read.log.times.tolist() == [1, *range(6, 15)]


def test_a_missing_column_is_named(data, movies) -> None:
    with pytest.raises(data.DataError, match=r"user_id or userId.*but movieId, title, genres"):
        data.read_ratings(movies / "movies.csv", movies / "movies.csv", None)


def test_a_missing_file_is_named(data, movies) -> None:
    with pytest.raises(data.DataError, match=r"no file .*links\.csv"):
        data.read_ratings(movies / "links.csv", movies / "movies.csv", None)


def test_likes_become_events_of_the_product(data, movies) -> None:
    read = data.read_ratings(movies / "ratings.csv", movies / "movies.csv", None)
    events = data.as_events(read.log, read.user_ids, read.items["item_id"])
    assert events.row(0) == ("7", "11", "like", 1989)


def test_the_tables_of_scale_have_their_size_and_everyone_an_event(scale, tmp_path) -> None:
    scale.draw_tables(tmp_path, scale.Size(2_000, 600, 100), seed=0)
    items = pl.read_parquet(tmp_path / "items.parquet")
    events = pl.read_parquet(tmp_path / "events.parquet")
    assert (items.height, len(items["look"][0])) == (600, 256)
    assert (events.height, events["user_id"].n_unique()) == (2_000, 100)
    assert events["item_id"].is_in(items["item_id"].to_list()).all()
    assert events["event_timestamp"].is_sorted()


def test_the_tables_of_scale_are_the_same_for_a_seed(scale, tmp_path) -> None:
    frames = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        scale.draw_tables(tmp_path / name, scale.Size(500, 200, 50), seed=4)
        frames.append(pl.read_parquet(tmp_path / name / "events.parquet"))
    assert frames[0].equals(frames[1])


def test_few_items_have_many_of_the_events(scale, tmp_path) -> None:
    scale.draw_tables(tmp_path, scale.Size(5_000, 1_000, 100), seed=0)
    counts = pl.read_parquet(tmp_path / "events.parquet")["item_id"].value_counts(sort=True)
    assert counts["count"][:100].sum() > 0.3 * 5_000


@pytest.mark.parametrize(("small", "large", "power"), [(6, 60, 1.0), (6, 6, 0.0), (1, 100, 2.0)])
def test_growth_is_the_power_of_size_that_time_takes(scale, small, large, power) -> None:
    assert scale.growth_exponent(small, large) == power


def test_that_the_picked_item_is_gone_is_no_change_yet(child) -> None:
    before = {"a": 0.9, "b": 0.8, "c": 0.7}
    assert not child.moved(before, {"b": 0.8, "c": 0.7, "d": 0.1}, "a")
    assert child.moved(before, {"c": 0.8, "b": 0.7, "d": 0.1}, "a")
