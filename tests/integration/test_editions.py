"""Readers of a model whose items another thread adds, replaces and deletes meanwhile."""

import random
import shutil
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import polars as pl
import pytest
from sightline import Client
from sightline.errors import UnknownItemError
from sightline.rank.query import Query
from sightline.serve import Serving
from sightline.snapshot import share_all
from sightline.store.generation import new_generation, open_active
from small_shop import Shop, write_shop

VERB = Client.sync
"""What brings the sources' changes into the live model."""
FRESH = 2
"""Editions after which an item that came with one goes again."""
SWAPS = 3
"""Generations of the same items that follow every edition at once: those before are swept away."""
PREDICATES = {
    "price < 30": lambda item: item["price"] < 30,
    "category = 'odd' AND price BETWEEN 10 AND 40": lambda item: (
        item["category"] == "odd" and 10 <= item["price"] <= 40
    ),
    "item_id LIKE 'red-%' OR item_id LIKE 'fresh-%'": lambda item: item["item_id"].startswith(
        ("red-", "fresh-")
    ),
    "NOT dominant_color = 'grey' AND edition >= 0": None,  # a measure of pictures: not told here
}


def swap(model):
    """Make a new generation of all that the active one has."""
    active = open_active(model)
    own = ("format_version", "generation", "files")
    with new_generation(model) as writer:
        share_all(writer, active)
        writer.commit({key: value for key, value in active.manifest.items() if key not in own})


def catalogue(base, edition):
    """The items of an edition, by id, each of which says which edition it is of.

    With every edition all items are replaced: their prices by others, the picture of the chameleon
    by one of another colour. A new item comes, an old one goes, and one of the red ones is absent.
    """
    items = {item["item_id"]: dict(item) for item in base}
    del items[f"red-{edition % 6}"]
    colour = ("red", "blue", "green")[edition % 3]
    items["chameleon"] = items["green-0"] | {"image": f"pictures/{colour}-1.png"}
    for number in range(max(0, edition - FRESH + 1), edition + 1):
        items[f"fresh-{number}"] = items["blue-0"] | {"image": f"pictures/green-{number % 6}.png"}
    for name, item in items.items():
        item |= {"item_id": name, "price": item["price"] + edition % 7, "edition": edition}
    return items


PROBES = {
    "rank": lambda client, **asked: client.rank("shop", "U1", **asked),
    "rank for nobody": lambda client, **asked: client.rank("shop", **asked),
    "rank what is searched for": lambda client, **asked: client.rank(
        "shop", "U2", text_query="thing number 3", **asked
    ),
    "similar_items": lambda client, **asked: client.similar_items("shop", "chameleon", **asked),
    "complement_items": lambda client, **asked: client.complement_items(
        "shop", ["chameleon", "blue-1"], **asked
    ),
    "retrieve by words": lambda client, **asked: client.retrieve(
        "shop", text_query="a red square", **asked
    ),
    "retrieve by items": lambda client, **asked: client.retrieve(
        "shop", text_query="item:chameleon + item:blue-2", **asked
    ),
}
WHOLE = {"rank for nobody": set(), "similar_items": {"chameleon"}}
"""Those that return all that pass, but for these."""


@dataclass
class Watched:
    """A shop, what its editions hold, and what readers saw of them."""

    shop: Shop
    base: list[dict] = field(init=False)
    begun: int = 0
    done: int = 0
    faults: list[BaseException] = field(default_factory=list)
    seen: defaultdict = field(default_factory=lambda: defaultdict(dict))
    """Answers by what was asked and the edition that it was answered from."""
    expected: dict = field(default_factory=dict)
    counts: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.base = pl.read_csv(self.shop.folder / "items.csv").to_dicts()

    @property
    def model(self):
        return self.shop.home / "models" / "shop"

    def write(self, edition):
        items = catalogue(self.base, edition).values()
        pl.DataFrame(list(items)).write_csv(self.shop.folder / "items.csv")

    def turn(self, client):
        """Bring in the next edition, and look at once for what came and what went."""
        self.begun += 1
        self.write(self.begun)
        VERB(client, "shop")
        self.done = self.begun
        came, gone = f"fresh-{self.done}", f"fresh-{self.done - FRESH}"
        assert client.similar_items("shop", came, limit=3).ids
        assert client.retrieve("shop", text_query=f"item:{came}", limit=3).ids
        if self.done >= FRESH:
            assert not client.rank("shop", filter_predicate=f"item_id = '{gone}'").ids
            with pytest.raises(UnknownItemError):
                client.similar_items("shop", gone)
        for _ in range(SWAPS):
            swap(self.model)
        self.note()

    def note(self):
        """Ask everything of a generation that nobody else asks, one after the other."""
        alone = self.shop.client()
        for name, ask in PROBES.items():
            for predicate in (None, *PREDICATES):
                answer = ask(alone, filter_predicate=predicate, limit=100)
                self.expected[name, predicate, self.done] = answer

    def read(self, reader, client, is_over):
        drawn = random.Random(reader)
        try:
            while not is_over.is_set():
                name = drawn.choice([*PROBES])
                predicate = drawn.choice([None, *PREDICATES])
                least = self.done
                limit = drawn.choice([1, 5, 100])
                answer = PROBES[name](client, filter_predicate=predicate, limit=limit)
                self.look_at(name, predicate, limit, answer, least)
                self.counts[reader] += 1
        except BaseException as error:
            self.faults.append(error)

    def look_at(self, name, predicate, limit, answer, least):
        """Hold an answer against the one edition that it says it is of."""
        editions = {item["edition"] for item in answer.metadata}
        assert len(editions) == 1, f"{name}: items of {editions} in one answer"
        (edition,) = editions
        assert least <= edition <= self.begun
        items = catalogue(self.base, edition)
        assert [item["item_id"] for item in answer.metadata] == answer.ids
        assert len(set(answer.ids)) == len(answer.ids) == len(answer.scores) <= limit
        for told in answer.metadata:
            item = items[told["item_id"]]
            assert {column: told[column] for column in item} == item
        holds = PREDICATES.get(predicate) if predicate else lambda item: True
        if holds is not None:
            passing = {name for name, item in items.items() if holds(item)}
            assert set(answer.ids) <= passing
            if name in WHOLE:
                assert len(answer.ids) == min(limit, len(passing - WHOLE[name]))
        self.seen[name, predicate, edition].setdefault(limit, answer)


@pytest.fixture
def watched(tmp_path) -> Watched:
    write_shop(tmp_path / "shop")
    watched = Watched(Shop(tmp_path / "shop", tmp_path / "home"))
    watched.write(0)
    watched.shop.client().create_model(watched.shop.yaml)
    watched.note()
    return watched


def read_and_write(watched, *, readers, seconds, editions):
    """Let readers ask as fast as they can until both so long and so many editions went by."""
    one, other = watched.shop.client(), watched.shop.client()
    is_over, until = threading.Event(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=watched.read, args=(reader, (one, other)[reader % 2], is_over))
        for reader in range(readers)
    ]
    for thread in threads:
        thread.start()
    try:
        while (time.monotonic() < until or watched.done < editions) and not watched.faults:
            watched.turn(one)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    assert watched.faults == []
    assert len(watched.counts) == readers
    assert watched.done >= editions
    compared = 0
    for (name, predicate, edition), answers in watched.seen.items():
        for limit, answer in answers.items():
            expected = watched.expected[name, predicate, edition]
            assert answer.scores == pytest.approx(expected.scores[: len(answer.ids)], abs=1e-4)
            if limit == 100:
                assert answer.ids == expected.ids
            compared += 1
    assert len({edition for _, _, edition in watched.seen}) > editions / 2
    assert compared > readers


def test_a_generation_that_is_swept_away_while_it_is_opened_gives_way_to_the_next(
    watched, monkeypatch
):
    swaps = [2, 2]

    def open_slowly(model):
        active = open_active(model)
        for _ in range(swaps.pop() if swaps else 0):
            swap(model)
        return active

    monkeypatch.setattr("sightline.opened.open_active", open_slowly)
    client = watched.shop.client()
    assert client.similar_items("shop", "chameleon", filter_predicate="price < 30", limit=3).ids
    assert swaps == []


def test_a_query_goes_on_with_what_it_has_though_its_generation_is_swept_away(watched):
    active = open_active(watched.model)
    serving = Serving(active, watched.shop.client, 1)
    asked = Query(limit=100, filter_predicate="price < 30 AND dominant_color = 'red'")
    expected = Serving(active, watched.shop.client, 1).similar_items("red-1", asked, user_id="U1")
    shutil.rmtree(active.folder)
    found = serving.similar_items("red-1", asked, user_id="U1")
    assert found.ids
    assert dict(found) == dict(expected)
    assert serving.rank("U9", asked, item_ids=None, interactions={}).ids


@pytest.mark.timeout(300)
def test_every_answer_is_of_one_edition_while_items_come_change_and_go(watched):
    read_and_write(watched, readers=3, seconds=2, editions=2)


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_every_answer_is_of_one_edition_for_a_minute_with_eight_readers(watched):
    read_and_write(watched, readers=8, seconds=60, editions=10)
