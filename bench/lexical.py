"""How well and how fast words find items, alone and beside their meaning; bm25s stands by.

Quality: all product shots of the development data (fashion), as a catalogue built with the bundled
encoder, by what the meaning counts for (`text_semantic_search_weight`: 0, 0.3, 0.5, 0.7, 1):

- ``known``: three words, drawn, of a title of unseen products; right is every item of that title;
- ``kind``: colour and article of the 100 most frequent, such as ``black shirts``;
- ``brand``: the first word of titles that 15 to 300 items begin with;
- ``code``: words with letters and digits that three titles or fewer have.

Figures are the mean NDCG@10. Speed: 100,000 items of 5 to 30 words, drawn from all titles and the
captions of Flickr8k by their frequency, and three words of one of the items; one thread, the 200
best. bm25s does not choose among items or read codes: it gets the texts parted at blanks, and both
give the same scores.

    ../peers/bin/pip install bm25s numba
    ../peers/bin/python bench/lexical.py --json

The data is in the folder that `SIGHTLINE_TEST_DATA` names, else in `shared/data` beside the
checkout. Without bm25s its figures are left out.
"""

import importlib
import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
from harness import CHECKOUT, Figures, main
from sightline import Client
from sightline.features.lexical import K1, B, LexicalIndex, LexicalTable, build_lexical
from sightline.rank.fuse import top_rows
from sightline.store.ids import IdTable

WEIGHTS = (0.0, 0.3, 0.5, 0.7, 1.0)
ITEMS, ASKED, BEST, TOP = 100_000, 500, 200, 10
_DATA = Path(os.environ.get("SIGHTLINE_TEST_DATA", CHECKOUT.parent / "shared" / "data"))
_YAML = """\
model: {name: shop}
connectors: [{id: items_source, type: file, path: items.parquet}]
fetch: {items: SELECT * FROM items_source}
"""

Task = list[tuple[str, set[str]]]
"""Queries, and the ids that are right for each."""


def _grouped(names: Collection[str | None], ids: Collection[str]) -> dict[str, set[str]]:
    groups: dict[str, set[str]] = {}
    for name, item in zip(names, ids, strict=True):
        if name is not None:
            groups.setdefault(name, set()).add(item)
    return groups


def tasks(shop: pl.DataFrame) -> dict[str, Task]:
    """Draw the queries."""
    chance, ids = random.Random(0), shop["id"].to_list()
    by_title = _grouped(shop["title"].to_list(), ids)
    unseen = shop.filter(pl.col("split") == "dev")["title"].unique().sort().to_list()
    chance.shuffle(unseen)
    long = [title for title in unseen if len(title.split()) > 3]
    kinds = _grouped((shop["color"] + " " + shop["article"]).to_list(), ids)
    brands = _grouped([title.split()[0].lower() for title in shop["title"]], ids)
    words: dict[str, set[str]] = {}
    for title in by_title:
        for word in title.lower().split():
            words.setdefault(word, set()).add(title)
    codes = [
        word
        for word, titles in sorted(words.items())
        if len(titles) <= 3 and any(map(str.isdigit, word)) and any(map(str.isalpha, word))
    ]
    frequent = sorted(kinds, key=lambda kind: (-len(kinds[kind]), kind))[:100]
    return {
        "known": [(" ".join(chance.sample(t.split(), 3)).lower(), by_title[t]) for t in long[:300]],
        "kind": [(kind.lower(), kinds[kind]) for kind in frequent],
        "brand": [(b, items) for b, items in sorted(brands.items()) if 15 <= len(items) <= 300],
        "code": [(code, set().union(*(by_title[t] for t in words[code]))) for code in codes],
    }


def ndcg(found: list[str], right: set[str]) -> float:
    """Return the NDCG of what was found."""
    gains = 1 / np.log2(np.arange(TOP) + 2)
    told = sum(gain for gain, item in zip(gains, found, strict=False) if item in right)
    return float(told / gains[: len(right)].sum())


def quality(folder: Path) -> dict[str, float]:
    """Measure all tasks by what the meaning counts for."""
    shop = pl.read_parquet(_DATA / "fashion.parquet")
    shop.rename({"id": "item_id"}).drop("split").write_parquet(folder / "items.parquet")
    (folder / "model.yaml").write_text(_YAML)
    client = Client(folder / "home")
    client.create_model(folder / "model.yaml")
    figures: dict[str, float] = {}
    for name, task in tasks(shop).items():
        figures[f"{name}_queries"] = len(task)
        for weight in WEIGHTS:
            options: dict[str, Any] = {
                "limit": TOP,
                "return_metadata": False,
                "config": {"text_semantic_search_weight": weight},
            }
            found = [
                ndcg(client.retrieve("shop", queries=[{"text": text}], **options).ids, right)
                for text, right in task
            ]
            figures[f"{name}_ndcg10_weight_{weight:g}"] = round(float(np.mean(found)), 4)
    return figures


def drawn_texts() -> list[str]:
    """Draw the texts of many items from real words, by their frequency."""
    titles = pl.read_parquet(_DATA / "fashion.parquet", columns=["title"])["title"]
    captions = pl.read_parquet(_DATA / "flickr8k.parquet", columns=["captions"])["captions"]
    texts = [*titles, *captions.explode()]
    counts = Counter(word for text in texts for word in text.lower().split() if word.isalnum())
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 31, ITEMS)
    frequencies = np.array(list(counts.values()), np.float64)
    words = rng.choice(list(counts), lengths.sum(), p=frequencies / frequencies.sum())
    return [" ".join(part) for part in np.split(words, np.cumsum(lengths)[:-1])]


def p50_ms(search: Callable[[str], object], queries: list[str]) -> float:
    """Return the median time of one query."""
    search(queries[0])
    taken = []
    for query in queries:
        start = perf_counter()
        search(query)
        taken.append(perf_counter() - start)
    return round(median(taken) * 1e3, 3)


def opened(table: LexicalTable, folder: Path) -> LexicalIndex:
    """Write a table and map it, as a generation does."""
    IdTable.write(folder, "vocabulary", table.vocabulary)
    arrays = {}
    for name in ("idf", "offsets", "rows", "weights"):
        np.save(folder / f"{name}.npy", getattr(table, name))
        arrays[name] = np.asarray(np.load(folder / f"{name}.npy", mmap_mode="r"))
    return LexicalIndex(LexicalTable([], **arrays), IdTable(folder, "vocabulary"), ITEMS)


def speed(folder: Path) -> dict[str, float]:
    """Time queries of three words, and bm25s on the same."""
    texts = drawn_texts()
    chance = random.Random(0)
    queries = [" ".join(chance.sample(chance.choice(texts).split(), 3)) for _ in range(ASKED)]
    start = perf_counter()
    table = build_lexical(pl.DataFrame({"text": texts}), {"text": 1.0})
    figures: dict[str, float] = {
        "build_100k_s": round(perf_counter() - start, 2),
        "words": len(table.vocabulary),
    }
    index = opened(table, folder)

    def search(text: str) -> object:
        scores = index.of_text(text)
        return top_rows(scores, BEST, scores > 0)

    figures["p50_ms"] = p50_ms(search, queries)
    figures["p50_ms_with_a_slip"] = p50_ms(search, [f"{query}q" for query in queries])
    try:
        bm25s = importlib.import_module("bm25s")
    except ImportError:
        return figures
    peer = bm25s.BM25(method="lucene", k1=K1, b=B, backend="numba")
    start = perf_counter()
    peer.index([text.split() for text in texts], show_progress=False)
    figures["build_100k_bm25s_s"] = round(perf_counter() - start, 2)

    def search_peer(text: str) -> object:
        return peer.retrieve([text.split()], k=BEST, show_progress=False, n_threads=0)

    figures["p50_ms_bm25s"] = p50_ms(search_peer, queries)
    return figures


def measure() -> Figures:
    """Measure quality, then speed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return quality(folder) | speed(folder)


if __name__ == "__main__":
    main("lexical", measure, question="How well and how fast do words find items?")
