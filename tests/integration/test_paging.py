"""Pages of a model that keeps them: through the client, the command line, builds and events."""

import json
import subprocess
import sys
import threading

import polars as pl
import pytest
from small_shop import COLOURS, YAML, Shop, write_shop

ALL_ITEMS = {f"{colour}-{number}" for colour in COLOURS for number in range(6)}
RED_LOVER_SAW = {"red-0", "red-1", "red-2", "red-3"}
LEFT = ALL_ITEMS - RED_LOVER_SAW
PAGED = YAML.replace("  name: shop\n", "  name: shop\n  pagination_store_ttl: 3600\n")


@pytest.fixture(scope="module")
def paged(tmp_path_factory) -> Shop:
    """The small shop, its model built to keep pages; people of whom tests ask are their own."""
    folder = tmp_path_factory.mktemp("paged")
    write_shop(folder / "shop")
    (folder / "shop" / "model.yaml").write_text(PAGED)
    built = Shop(folder / "shop", folder / "home")
    built.client().create_model(built.yaml)
    return built


def answer(shop, *arguments):
    return json.loads(shop.run("rank", "--model-name", "shop", "--json", *arguments).stdout)


def test_the_next_answer_goes_on_where_the_last_ended(paged):
    client = paged.client()
    pages = [client.rank("shop", "U0", limit=7) for _ in range(3)]
    long = client.rank("shop", "U0", limit=24, ignore_paginations=True)
    assert [item for page in pages for item in page.ids] == long.ids
    assert [score for page in pages for score in page.scores] == long.scores
    assert set(long.ids) == LEFT
    assert [record["item_id"] for record in pages[1].metadata] == pages[1].ids
    assert "flush_paginations starts over" in pages[2].notes[0]
    empty = client.rank("shop", "U0")
    assert empty.ids == []
    assert [note for note in empty.notes if "flush_paginations" not in note] == []
    assert client.rank("shop", "U0", limit=7, flush_paginations=True).ids == pages[0].ids


def test_pages_are_explained_as_the_one_answer(paged):
    client = paged.client()
    pages = [client.rank("shop", "U4", limit=4, explain=True) for _ in range(2)]
    long = client.rank("shop", "U4", limit=8, explain=True, ignore_paginations=True).explanation
    looks = [pick for page in pages for pick in page.explanation["looks_like"]]
    assert looks == long["looks_like"]


def test_without_a_person_and_in_batches_nothing_is_noted_down(paged):
    client = paged.client()
    assert client.rank("shop", limit=5).ids == client.rank("shop", limit=5).ids
    batch = client.rank_batch("shop", ["U8"], limit=5)[0].ids
    assert client.rank_batch("shop", ["U8"], limit=5)[0].ids == batch
    assert client.rank("shop", "U8", limit=5).ids == batch
    assert client.rank_batch("shop", ["U8"], limit=5)[0].ids == batch


def test_a_stranger_has_pages_of_what_is_trending(paged):
    client = paged.client()
    pages = [client.rank("shop", "stranger", limit=12) for _ in range(2)]
    assert {item for page in pages for item in page.ids} == ALL_ITEMS
    assert sum("trending" in note for note in pages[1].notes) == 1


def test_filters_and_lists_of_items_page_too(paged):
    client = paged.client()
    odd = [
        client.rank("shop", "U12", limit=4, filter_predicate="category = 'odd'") for _ in range(4)
    ]
    items = [item for page in odd for item in page.ids]
    assert len(items) == len(set(items)) == 10
    assert all(record["category"] == "odd" for page in odd for record in page.metadata)
    basket = [items[0], "red-0", "blue-2"]
    named = [client.rank("shop", "U12", item_ids=basket, limit=2) for _ in range(2)]
    assert sorted(named[0].ids + named[1].ids) == sorted(basket)


def test_a_search_has_pages_of_its_own(paged):
    client = paged.client()
    feed = client.rank("shop", "searcher", limit=24).ids
    pages = [client.rank("shop", "searcher", text_query="number 3", limit=3) for _ in range(9)]
    shown = [item for page in pages for item in page.ids]
    long = client.rank("shop", "searcher", text_query="number 3", limit=24, ignore_paginations=True)
    assert shown == long.ids
    assert len(set(shown)) == len(shown)
    assert set(shown) <= set(feed)
    assert "all was shown already to user 'searcher'" in pages[-1].notes[0]
    assert not any("no item that passes" in note for note in pages[-1].notes)
    assert client.rank("shop", "searcher", text_query="number 2", limit=3).ids


def test_an_event_between_pages_counts_in_the_next(paged):
    client = paged.client()
    first = client.rank("shop", "newcomer", limit=3).ids
    liked = next(item for item in sorted(ALL_ITEMS) if item not in first and "blue" in item)
    client.insert_events("shop", [{"user_id": "newcomer", "item_id": liked}])
    second = client.rank("shop", "newcomer", limit=3).ids
    assert all(item.startswith("blue-") for item in second)
    assert not {*first, liked} & set(second)


def test_a_session_between_pages_counts_in_the_next(paged):
    client = paged.client()
    first = client.rank("shop", "guest", limit=3).ids
    liked = next(item for item in sorted(ALL_ITEMS) if item not in first and "green" in item)
    session = [{"item_id": liked}]
    second = client.rank("shop", "guest", limit=3, interactions=session).ids
    assert all(item.startswith("green-") for item in second)
    assert not {*first, liked} & set(second)


def test_every_command_shows_the_next_page_whichever_process_it_is(paged):
    first = answer(paged, "--user-id", "U16", "--limit", "6")["ids"]
    second = answer(paged, "--user-id", "U16", "--limit", "6")["ids"]
    third = paged.client().rank("shop", "U16", limit=24).ids
    assert len({*first, *second, *third}) == 20 == len(first + second + third)
    ignored = answer(paged, "--user-id", "U16", "--limit", "24", "--ignore-paginations")["ids"]
    assert ignored == first + second + third
    table = paged.run("rank", "--model-name", "shop", "--user-id", "U16")
    assert "all was shown already to user 'U16'" in table.stdout + table.stderr
    assert answer(paged, "--user-id", "U16", "--limit", "6", "--flush_paginations")["ids"] == first


def test_readers_in_threads_and_processes_share_out_one_long_answer(paged):
    script = (
        "import json, sys; from sightline import Client; client = Client(sys.argv[1]); "
        "print(json.dumps([client.rank('shop', 'U20', limit=1).ids for _ in range(5)]))"
    )
    command = [sys.executable, "-c", script, str(paged.home)]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=paged.folder)
        for _ in range(2)
    ]
    client = paged.client()
    pages = []
    threads = [
        threading.Thread(
            target=lambda: pages.extend(client.rank("shop", "U20", limit=2).ids for _ in range(2))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for process in processes:
        pages += json.loads(process.communicate(timeout=60)[0])
        assert process.returncode == 0
    for thread in threads:
        thread.join()
    shown = [item for page in pages for item in page] + client.rank("shop", "U20", limit=24).ids
    assert len(shown) == len(set(shown)) == 20


def test_other_verbs_refuse_what_is_about_pages(paged):
    done = paged.run("similar", "--model-name", "shop", "--item-id", "red-0", check=False)
    assert done.returncode == 0
    assert "--flush-paginations" in paged.run("rank", "--help").stdout
    done = paged.run(
        "similar", "--model-name", "shop", "--item-id", "red-0", "--flush-paginations", check=False
    )
    assert done.returncode == 2


def test_a_build_between_pages_takes_over_at_once_and_repeats_nothing(unbuilt):
    unbuilt.yaml.write_text(PAGED)
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    first = client.rank("shop", "U0", limit=5).ids
    items = pl.read_csv(unbuilt.folder / "items.csv")
    gone = next(item for item in sorted(LEFT) if item not in first)
    new = items.filter(pl.col("item_id") == "red-0").with_columns(item_id=pl.lit("red-9"))
    pl.concat([new, items.filter(pl.col("item_id") != gone)]).write_csv(
        unbuilt.folder / "items.csv"
    )
    client.update_model("shop")
    second = client.rank("shop", "U0", limit=24).ids
    assert set(second) == LEFT - set(first) - {gone} | {"red-9"}


def test_a_model_made_again_starts_over_and_without_a_time_to_live_keeps_nothing(unbuilt):
    unbuilt.yaml.write_text(PAGED)
    client = unbuilt.client()
    client.create_model(unbuilt.yaml)
    first = client.rank("shop", "U0", limit=5).ids
    assert not set(first) & set(client.rank("shop", "U0", limit=5).ids)
    client.delete_model("shop")
    client.create_model(unbuilt.yaml)
    assert client.rank("shop", "U0", limit=5).ids == first
    unbuilt.yaml.write_text(YAML)
    client.update_model(definition=unbuilt.yaml)
    assert client.rank("shop", "U0", limit=5).ids == client.rank("shop", "U0", limit=5).ids
