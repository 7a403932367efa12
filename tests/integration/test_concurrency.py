"""Readers of a model that others build again, label and add events to meanwhile."""

import itertools
import random
import threading

import pytest
from small_shop import Shop, write_shop

READERS = 8
REBUILDS = 2
PREDICATES = {
    "price < 30": lambda item: item["price"] < 30,
    "category = 'odd' AND price BETWEEN 10 AND 40": lambda item: (
        item["category"] == "odd" and 10 <= item["price"] <= 40
    ),
    "item_id LIKE 'red-%'": lambda item: item["item_id"].startswith("red-"),
}


@pytest.fixture
def shop(tmp_path) -> Shop:
    write_shop(tmp_path / "shop")
    shop = Shop(tmp_path / "shop", tmp_path / "home")
    shop.client().create_model(shop.yaml)
    return shop


@pytest.mark.timeout(300)
def test_readers_get_whole_answers_while_generations_are_swapped(shop):
    client = shop.client()
    generations, faults, answered = set(), [], itertools.count()
    is_over = threading.Event()

    def read(seed: int) -> None:
        drawn = random.Random(seed)
        while not is_over.is_set():
            predicate, holds = drawn.choice([*PREDICATES.items()])
            user, item = f"U{drawn.randrange(24)}", f"blue-{drawn.randrange(6)}"
            ask = drawn.choice(
                [
                    lambda asked: client.rank("shop", user, **asked),  # noqa: B023
                    lambda asked: client.rank("shop", user, text_query="thing", **asked),  # noqa: B023
                    lambda asked: client.similar_items("shop", item, **asked),  # noqa: B023
                    lambda asked: client.retrieve("shop", text_query="a red square", **asked),
                ]
            )
            limit = drawn.randint(1, 30)
            try:
                found = ask({"filter_predicate": predicate, "limit": limit})
                assert len(set(found.ids)) == len(found.ids) <= limit
                assert [item["item_id"] for item in found.metadata] == found.ids
                assert all(map(holds, found.metadata))
                assert found.scores == sorted(found.scores, reverse=True)
                generations.add(client.view_model("shop")["generation"])
            except BaseException as error:
                faults.append(error)
                return
            next(answered)

    readers = [threading.Thread(target=read, args=(seed,)) for seed in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        for number in range(REBUILDS):
            event = {"user_id": f"U{number}", "item_id": f"grey-{number}", "label": 1}
            client.insert_events("shop", [event])
            client.update_model("shop")
    finally:
        is_over.set()
        for reader in readers:
            reader.join()
    assert faults == []
    assert next(answered) >= READERS * REBUILDS
    assert len(generations) >= REBUILDS  # the readers saw them come
