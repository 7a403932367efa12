"""What a model never shows, to anybody or to one person, in every kind of query."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest
from small_shop import Shop, write_shop

NEWCOMER = "nobody-yet"
HIDDEN = {"red-0", "green-1", "blue-2", "grey-5"}
OWN = {"U0": {"red-3", "red-4", "blue-0"}, NEWCOMER: {"red-1", "red-2"}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("home"))
    write_shop(shop.folder)
    pl.DataFrame({"item_id": [*sorted(HIDDEN), "gone"]}).write_csv(shop.folder / "hidden.csv")
    pairs = [(user, item) for user, items in OWN.items() for item in sorted(items)]
    pairs.append(("U0", "gone"))
    frame = pl.DataFrame(pairs, schema=["user_id", "item_id"], orient="row")
    frame.write_csv(shop.folder / "blocked.csv")
    yaml = shop.yaml.read_text()
    yaml = yaml.replace("fetch:", textwrap.indent(SOURCES, "  ") + "fetch:")
    shop.yaml.write_text(yaml + textwrap.indent(FILTERS, "  "))
    shop.client().create_model(shop.yaml)
    return shop


SOURCES = """\
- {id: hidden, type: file, path: hidden.csv}
- {id: blocked, type: file, path: blocked.csv}
"""
FILTERS = """\
global_filters: SELECT item_id FROM hidden
personal_filters: SELECT user_id, item_id FROM blocked
"""


@pytest.fixture
def client(shop):
    return shop.client()


ASK = {
    "rank": lambda client, user, **options: client.rank("shop", user, **options),
    "rank of items": lambda client, user, **options: client.rank(
        "shop",
        user,
        item_ids=[f"{c}-{n}" for c in ("red", "green", "blue") for n in range(6)],
        **options,
    ),
    "rank_batch": lambda client, user, **options: client.rank_batch(
        "shop", [user, "U1"], **options
    )[0],
    "similar_items": lambda client, user, **options: client.similar_items(
        "shop", "red-5", user_id=user, **options
    ),
    "complement_items": lambda client, user, **options: client.complement_items(
        "shop", ["red-5"], user_id=user, **options
    ),
    "retrieve by words": lambda client, user, **options: client.retrieve(
        "shop", text_query="thing", user_id=user, **options
    ),
    "retrieve": lambda client, user, **options: client.retrieve("shop", user_id=user, **options),
}


@pytest.mark.parametrize("user", ["U0", "U5", NEWCOMER])
@pytest.mark.parametrize("kind", ASK)
@pytest.mark.parametrize("predicate", [None, "price < 60 AND item_id <> 'red-1'"])
def test_no_query_shows_what_is_hidden(client, kind, user, predicate):
    response = ASK[kind](client, user, limit=100, filter_predicate=predicate)
    shown = set(response.ids)
    assert shown
    assert not shown & HIDDEN
    assert not shown & OWN.get(user, set())


def test_the_rest_is_shown_to_those_it_is_not_hidden_from(client):
    shown = set(client.similar_items("shop", "red-5", limit=100).ids)
    assert len(shown) == 24 - 1 - len(HIDDEN)
    own = set(client.similar_items("shop", "red-5", user_id="U0", limit=100).ids)
    assert shown - own == OWN["U0"]


def test_many_are_answered_as_one_by_one(client):
    users = ["U0", NEWCOMER, "U3", "U7"]
    together = client.rank_batch("shop", users, limit=5)
    alone = [client.rank("shop", user, limit=5) for user in users]
    assert [response.ids for response in together] == [response.ids for response in alone]


def test_hidden_items_that_are_named_are_told_of(client):
    response = client.rank("shop", "U0", item_ids=["red-0", "red-3", "green-2"])
    assert response.ids == ["green-2"]
    assert any(
        "hidden by the model's global or personal filters: red-0, red-3" in n
        for n in response.notes
    )


@pytest.mark.parametrize(
    ("user", "predicate", "why"),
    [
        ("U0", "price < 0", "no item passes the filter"),
        ("U0", "item_id = 'red-0'", "passes the filter is hidden by fetch.global_filters"),
        ("U0", "item_id = 'red-3'", "hidden from user 'U0' by fetch.personal_filters"),
    ],
)
def test_an_empty_answer_says_what_left_nothing(client, user, predicate, why):
    for kind in ("rank", "rank_batch", "similar_items", "retrieve"):
        response = ASK[kind](client, user, filter_predicate=predicate)
        assert response.ids == []
        assert any(why in note for note in response.notes), (kind, response.notes)


def test_unknown_ids_are_counted_in_the_report(client):
    tables = client.view_model("shop")["tables"]
    assert tables["global_filters"]["dropped"] == {"unknown item": 1}
    assert tables["global_filters"]["kept"] == len(HIDDEN)
    assert tables["personal_filters"]["dropped"] == {"unknown item": 1}
    assert tables["personal_filters"]["kept"] == 5


def test_validate_reads_them_too(client, shop):
    assert client.validate(shop.yaml)["tables"]["personal_filters"]["rows"] == 6


def test_a_query_without_a_filter_wakes_no_polars(shop):
    program = (
        "import sys; from sightline import Client\n"
        f"ids = Client({str(shop.home)!r}).rank('shop', 'U0', limit=3).ids\n"
        "assert len(ids) == 3 and 'polars' not in sys.modules and 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True, capture_output=True)


def test_looks_are_columns_of_filters_in_every_query(client):
    predicate = "dominant_color = 'red' AND brightness > 0.1 AND NOT array_has(colors, 'blue')"
    for kind in ("rank", "similar_items", "retrieve"):
        ids = ASK[kind](client, "U1", limit=100, filter_predicate=predicate).ids
        assert ids
        assert all(one.startswith("red-") for one in ids)


def test_threads_share_the_filters_of_a_model_whatever_is_kept(client, monkeypatch):
    monkeypatch.setattr("sightline.filtering._KEPT", 3)

    def ask(number: int) -> int:
        predicate = f"price < {number % 11 * 10}"
        return len(client.similar_items("shop", "red-5", limit=99, filter_predicate=predicate).ids)

    expected = [ask(number) for number in range(11)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(440)))
    assert found == expected * 40


def test_labels_are_told_of_what_is_shown_and_their_columns_hide_the_same(client):
    colours = ["something red", "something blue"]
    shown = set(client.label("shop", colours, limit=100).ids)
    assert len(shown) == 24 - len(HIDDEN)
    named = client.label("shop", colours, item_ids=["red-0", "red-1"])
    assert named.ids == ["red-1"]
    assert any("hidden by the model's" in note for note in named.notes)
    none = client.label("shop", colours, filter_predicate="item_id = 'red-0'")
    assert any("hidden by fetch.global_filters" in note for note in none.notes)
    client.label("shop", colours, column="look")
    again = client.rank("shop", "U0", limit=100, filter_predicate="look = 'something red'")
    assert again.ids
    assert not set(again.ids) & (HIDDEN | OWN["U0"])
