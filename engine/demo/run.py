"""The demo from end to end: a shop drawn, served, built, asked, and shown on a page."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..client import Client
from ..errors import ModelExistsError, StorageError
from ..images.codec import thumbnail
from ..images.outcome import PictureError
from ..rank.response import Response
from ..store.status import State, Status
from .chart import evaluation_charts
from .page import Card, Row, Section, Table, write_gallery
from .server import serve_folder
from .shop import draw_shop

__all__ = ["Demo", "run_demo"]

MODEL = "demo"
DESCRIPTION = "A drawn shop whose people choose by looks that no text mentions"
_SHOWN = 8
_PEOPLE = 3
_THUMBNAIL_SIDE = 160
_QUERIES = ("red striped dress", "blue armchair", "polka dot umbrella", "a yellow knitted hat")

_YAML = f"""\
model:
  name: {MODEL}
  description: {DESCRIPTION}
connectors:
  - id: items_source
    type: file
    path: items.csv
  - id: events_source
    type: file
    path: events.csv
fetch:
  items: |
    SELECT item_id, title, description, category, price, image_url, created_at, in_stock
    FROM items_source
  events: |
    SELECT user_id, item_id, event_type, event_timestamp
    FROM events_source
"""


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made and found."""

    view: Mapping[str, Any]
    """What `view-model` says of the model."""
    user_id: str
    ranked: Response
    item_id: str
    similar: Response
    query: str
    found: Response
    page: Path

    def figures(self) -> dict[str, Any]:
        """Return the figures that `sightline demo --json` prints."""
        counts, metrics = self.view["counts"], self.view["metrics"]
        pictures = self.view["coverage"]["total"]
        return {
            "items": counts["items"],
            "images_ok": pictures["ok"],
            "images_missing": pictures["missing"],
            "images_failed": pictures["failed"],
            "users": counts["users"],
            "events": counts["events"],
            "ndcg_at_10": metrics["personal"]["ndcg"],
            "popularity_ndcg_at_10": metrics["popularity"]["ndcg"],
            "seconds": round(sum(self.view["seconds"].values()), 2),
            "gallery": str(self.page),
        }


def run_demo(home: str | None, page: str | None, *, on_status: Callable[[Status], None]) -> Demo:
    """Draw the shop, serve its pictures on loopback, build the model, ask it, write the page.

    Parameters
    ----------
    home
        Home of the model; None as in `Client`. The shop lies in its folder `demo`.
    page
        Where the page goes; `demo/index.html` in home when None.
    on_status
        Called with every change of status while the model builds.
    """
    folder = Client(home).home.path / "demo"
    pictures = folder / "pictures"
    try:
        pictures.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot draw a shop in {folder}: {error.strerror}; give another --home"
        raise StorageError(message) from error
    with serve_folder(pictures) as base_url:
        shop = draw_shop(folder, base_url=base_url)
        definition = folder / "model.yaml"
        definition.write_text(_YAML, encoding="utf-8")
        client = Client(home, allow_hosts=[base_url.removeprefix("http://")])
        view = _build(client, definition, on_status)
    evaluation = client.evaluate(MODEL, on_progress=_heard(on_status))
    history = _histories(shop.events)
    people = sorted(history, key=lambda user: len(history[user]), reverse=True)
    user_id = people[len(people) // 2]
    ranked = client.rank(MODEL, user_id, limit=_SHOWN, explain=True)
    similar = client.similar_items(MODEL, ranked.ids[0], limit=_SHOWN)
    target = Path(page) if page is not None else folder / "index.html"
    found = client.retrieve(MODEL, text_query=_QUERIES[0], limit=_SHOWN)
    sections = [
        _words_section(client, pictures),
        _people_section(client, pictures, history, people[:: max(1, len(people) // _PEOPLE)]),
        _similar_section(client, pictures, ranked.ids[:_PEOPLE]),
        _figures_section(view, evaluation),
    ]
    write_gallery(target, title="A shop that learned to see", sections=sections)
    return Demo(view, user_id, ranked, ranked.ids[0], similar, _QUERIES[0], found, target.resolve())


def _build(client: Client, definition: Path, on_status: Callable[[Status], None]) -> dict[str, Any]:
    """Create the demo's model, or build it again; a model of the user's own is left alone."""
    known = {entry["model_name"] for entry in client.list_models()["models"]}
    if MODEL not in known:
        return client.create_model(definition, on_status=on_status)
    view = client.view_model(MODEL)
    if view["generation"] is not None and view["description"] != DESCRIPTION:
        message = f"home has a model {MODEL!r} that is not the demo's; give another --home"
        raise ModelExistsError(message)
    return client.update_model(definition=definition, on_status=on_status)


def _heard(on_status: Callable[[Status], None]) -> Callable[[str, int, int], None]:
    """Tell of the steps of an evaluation as of a build's."""
    return lambda step, done, total: on_status(
        Status(State.TUNING, step=step, done=done, total=total)
    )


def _words_section(client: Client, pictures: Path) -> Section:
    rows = []
    for query in _QUERIES:
        response = client.retrieve(MODEL, text_query=query, limit=_SHOWN, explain=True)
        rows.append(Row(f"“{query}”", "", (), "found", _cards(response, pictures)))
    note = "No title or description names a colour or a pattern: these words found pictures."
    return Section("Search in words", note, rows=rows)


def _people_section(
    client: Client, pictures: Path, history: Mapping[str, list[str]], people: list[str]
) -> Section:
    rows = []
    for user in people[:_PEOPLE]:
        response = client.rank(MODEL, user, limit=_SHOWN, explain=True)
        picks = list(dict.fromkeys(reversed(history[user])))[:_SHOWN]
        known = client.rank(MODEL, item_ids=history[user], limit=len(history[user]))
        urls = {str(item["item_id"]): item["image_url"] for item in known.metadata or []}
        records = {item["item_id"]: item for item in known.metadata or []}
        latest = [records[pick] for pick in picks if pick in records]
        rows.append(
            Row(
                f"Person {user}",
                "picked lately",
                [_card(item, pictures) for item in latest],
                "ranked for them",
                _cards(response, pictures, urls),
            )
        )
    note = "Nothing in the texts tells colour or pattern: what was learned, the pictures told."
    return Section("For each person", note, rows=rows)


def _similar_section(client: Client, pictures: Path, item_ids: list[str]) -> Section:
    rows = []
    for item_id in item_ids:
        item = client.rank(MODEL, item_ids=[item_id], limit=1).metadata or []
        alike = client.similar_items(MODEL, item_id, limit=_SHOWN, explain=True)
        rows.append(
            Row(
                f"Like {item_id}",
                "the item",
                [_card(record, pictures) for record in item],
                "most like it",
                _cards(alike, pictures),
            )
        )
    return Section("Similar items", rows=rows)


def _figures_section(view: Mapping[str, Any], evaluation: Mapping[str, Any]) -> Section:
    found = view["coverage"]["total"]
    failures = {reason: fact["count"] for reason, fact in found["reasons"].items()}
    outcomes = {"ok": found["ok"], "missing": found["missing"], **failures}
    metrics = view["metrics"]
    names = ("ndcg", "recall", "hit_ratio", "mrr", "coverage")
    return Section(
        "Figures",
        f"Held out: {metrics['split']}.",
        charts=evaluation_charts(evaluation),
        tables=[
            Table(
                "Pictures",
                ("outcome", "items"),
                [(name, str(count)) for name, count in outcomes.items()],
            ),
            Table(
                "Ranking, at 10",
                ("", *names),
                [
                    (way, *(f"{metrics[way][name]:.3f}" for name in names))
                    for way in ("personal", "popularity")
                ],
            ),
        ],
    )


def _cards(response: Response, pictures: Path, urls: Mapping[str, str] | None = None) -> list[Card]:
    """Cards with scores and their parts; the response must be explained.

    With `urls`, by item id, they also show the pick that each item looks like.
    """
    explanation = response.explanation or {}
    explained = explanation["score"]["scoring_policy_scores"]
    cards = []
    for place, record in enumerate(response.metadata or []):
        parts = {name: values[place] for name, values in explained.items() if values[place] > 0}
        card = _card(record, pictures, response.scores[place], parts)
        pick = explanation.get("looks_like", [None] * len(response.ids))[place]
        if pick is not None and urls is not None:
            alike = _thumbnail(pictures, urls.get(pick))
            colors = " and ".join(explanation["palette"][place])
            words = "looks like what they picked" + (f"; their {colors}" if colors else "")
            card = replace(card, because=words, look_alike=alike)
        cards.append(card)
    return cards


def _card(
    record: Mapping[str, Any],
    pictures: Path,
    score: float | None = None,
    parts: Mapping[str, float] | None = None,
) -> Card:
    subtitle = f"{record['category']}, {record['price']:.2f}"
    image = _thumbnail(pictures, record["image_url"])
    return Card(str(record["title"]), subtitle, image, score, parts or {})


def _thumbnail(pictures: Path, url: str | None) -> bytes | None:
    path = pictures / (url or "").rpartition("/")[2]
    if url is None or not path.is_file():
        return None
    try:
        return thumbnail(path.read_bytes(), _THUMBNAIL_SIDE)
    except PictureError:
        return None


def _histories(events: Path) -> dict[str, list[str]]:
    """Item ids by user, oldest first."""
    history: dict[str, list[str]] = {}
    with events.open(encoding="utf-8", newline="") as file:
        for event in sorted(csv.DictReader(file), key=lambda event: event["event_timestamp"]):
            history.setdefault(event["user_id"], []).append(event["item_id"])
    return history
