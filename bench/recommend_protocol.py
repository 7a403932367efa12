"""One ratings table, split by time, ranked by the product and by every baseline there is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from recommend_data import Ratings, as_events
from recommend_libraries import Content
from recommend_measures import Judged, judge, mean_of, ratio_of, scores_of_ranked
from recommend_ours import Ours, build
from recommend_peers import BASELINES, FALLBACK, Baseline, Settings, tune
from recommend_report import Part, Row
from recommend_splits import SPLITS, Split
from sightline import Client
from sightline.types import Scores

__all__ = ["OURS", "Panel", "measure_ratings"]

OURS = "sightline"
_RANDOM = "random"
_MAIN_SPLIT = "user-time"
_CHUNK = 256
"""People whose scores are judged at a time."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The people whom a split can judge, and what they are judged by."""

    split: Split
    people: NDArray[np.int64]
    """Rows, ascending."""
    among: NDArray[np.int64] | None = None
    """Item rows that are ranked; None: all that the person does not like in training."""

    @classmethod
    def of_all(cls, split: Split) -> "Panel":
        """Judge everyone with a held-out like, over all items they have not seen."""
        return cls(split, split.judged())

    @classmethod
    def of_new_items(cls, split: Split) -> "Panel":
        """Judge those with a held-out like of an item new to all, over the new items alone."""
        new = split.new_items()
        people = np.unique(split.test.users[np.isin(split.test.items, new)]).astype(np.int64)
        return cls(split, people, new)

    def has_history(self) -> NDArray[np.bool_]:
        """Tell who of the people has a like in training, shape (u,)."""
        known: NDArray[np.bool_] = self.split.train.by_user()[self.people] > 0
        return known

    def judge(self, scores_of: Callable[[NDArray[np.int64]], Scores]) -> Judged:
        """Judge scores, asked for by rows of people, shape (b, items)."""
        nobody = Judged(np.zeros(0), np.zeros(0))
        parts = [
            self._judge_some(self.people[start : start + _CHUNK], scores_of)
            for start in range(0, len(self.people), _CHUNK)
        ]
        return Judged(
            np.concatenate([part.ndcg for part in [nobody, *parts]]),
            np.concatenate([part.recall for part in [nobody, *parts]]),
        )

    def _judge_some(
        self, people: NDArray[np.int64], scores_of: Callable[[NDArray[np.int64]], Scores]
    ) -> Judged:
        scores = np.array(scores_of(people), np.float32)
        shown = np.ones(scores.shape, np.bool_)
        if self.among is not None:
            shown[:] = False
            shown[:, self.among] = True
        shown &= ~_likes(self.split.train.users, self.split.train.items, people, scores.shape[1])
        likes = _likes(self.split.test.users, self.split.test.items, people, scores.shape[1])
        return judge(np.where(shown, scores, -np.inf).astype(np.float32), likes & shown)


def _likes(
    users: NDArray[np.int32], items: NDArray[np.int32], people: NDArray[np.int64], n_items: int
) -> NDArray[np.bool_]:
    """Return the likes of some people, who are ascending, shape (people, items)."""
    asked = np.isin(users, people)
    rows = np.zeros((len(people), n_items), np.bool_)
    rows[np.searchsorted(people, users[asked]), items[asked]] = True
    return rows


def measure_ratings(
    part: str,
    ratings: Ratings,
    client: Client,
    *,
    tuned: Mapping[tuple[str, str], Settings],
    say: Callable[[str], None],
) -> Part:
    """Run the protocol on one table, by both splits.

    Parameters
    ----------
    part
        What its figures are called after.
    ratings
        The table.
    client
        Models are built in its home.
    tuned
        Settings by split and baseline that need no tuning again; usually empty.
    say
        Told of every step.
    """
    found = [_measure_split(part, name, ratings, client, tuned, say) for name in SPLITS]
    figures = {f"{part}_{name}": value for name, value in found[0].figures.items()}
    return Part(figures, [row for one in found for row in one.rows])


def _measure_split(
    part: str,
    name: str,
    ratings: Ratings,
    client: Client,
    tuned: Mapping[tuple[str, str], Settings],
    say: Callable[[str], None],
) -> Part:
    split = SPLITS[name](ratings.log)
    everyone, newcomers = Panel.of_all(split), Panel.of_new_items(split)
    say(f"{part}: {OURS}, {name}")
    events = as_events(split.train, ratings.user_ids, ratings.items["item_id"])
    model = build(client, f"{part}-{name}", ratings.items, events)
    judged = {OURS: _judge_ours(model, everyone, ratings.user_ids)}
    judged_new = {OURS: _judge_ours(model, newcomers, ratings.user_ids)}
    judged_new[_RANDOM] = newcomers.judge(
        lambda people: np.zeros((len(people), split.n_items), np.float32)
    )
    content = _content(model, ratings)
    settings: dict[str, Settings] = {}
    fallback: Scores | None = None
    for baseline in sorted(_available(content), key=lambda one: one is not FALLBACK):
        say(f"{part}: {baseline.name}, {name}")
        chosen = tuned.get((name, baseline.name))
        if chosen is None:
            chosen = _tuned(baseline, SPLITS[name](split.train), content)
        scores = baseline.scores(split.train, content, chosen)
        fallback = scores if fallback is None else fallback
        if baseline.is_personal:
            scores = np.where(split.train.by_user()[:, None] > 0, scores, fallback)
        settings[baseline.name] = chosen
        judged[baseline.name] = everyone.judge(scores.__getitem__)
        if baseline.reads_content:
            judged_new[baseline.name] = newcomers.judge(scores.__getitem__)
    return _summary(part, name, everyone, judged, judged_new, settings)


def _judge_ours(model: Ours, panel: Panel, user_ids: Sequence[str]) -> Judged:
    ranked = model.ranked([user_ids[row] for row in panel.people], panel.among)
    scores = scores_of_ranked(ranked, len(model.item_ids))
    return panel.judge(lambda people: scores[np.searchsorted(panel.people, people)])


def _content(model: Ours, ratings: Ratings) -> Content:
    """Join what is known of items; posters are seen by the product's own encoder."""
    if "image" in ratings.items.columns:
        vectors, presence = model.picture_vectors()
    else:
        vectors, presence = np.zeros((ratings.items.height, 0), np.float32), _nobody(ratings.items)
    return Content(vectors, presence, ratings.labels())


def _nobody(items: pl.DataFrame) -> NDArray[np.bool_]:
    return np.zeros(items.height, np.bool_)


def _available(content: Content) -> list[Baseline]:
    return [
        baseline
        for baseline in BASELINES
        if not baseline.absent() and (content.has_picture.any() or not baseline.needs_pictures)
    ]


def _tuned(baseline: Baseline, inner: Split, content: Content) -> Settings:
    """Tune on the validation slice: personal methods by the people whom they know."""
    panel = Panel.of_all(inner)
    if baseline.is_personal and panel.has_history().any():
        panel = Panel(inner, panel.people[panel.has_history()])
    return tune(
        baseline,
        inner.train,
        content,
        lambda scores: float(panel.judge(scores.__getitem__).ndcg.mean()),
    )


def _summary(
    part: str,
    split: str,
    everyone: Panel,
    judged: Mapping[str, Judged],
    judged_new: Mapping[str, Judged],
    settings: Mapping[str, Settings],
) -> Part:
    known = everyone.has_history()
    rows = []
    for method, one in judged.items():
        chosen = settings.get(method, {})
        rows.append(Row(part, split, method, "ndcg10", mean_of(one.ndcg), chosen))
        rows.append(Row(part, split, method, "recall10", mean_of(one.recall)))
        if known.any() and not known.all():
            among = f"{split}, people with history"
            rows.append(Row(part, among, method, "ndcg10", mean_of(one.ndcg[known])))
    best = _best(judged, without={OURS})
    ratio = ratio_of(judged[OURS].ndcg, judged[best].ndcg)
    rows.append(Row(part, split, f"{OURS} / {best}", "ndcg10_ratio", ratio))
    figures: dict[str, float | str] = {
        "ndcg10": round(float(judged[OURS].ndcg.mean()), 5),
        "best_baseline": best,
        "best_baseline_ndcg10": round(float(judged[best].ndcg.mean()), 5),
    }
    if len(judged_new[OURS].ndcg):
        rows += _new_item_rows(part, f"{split}, new items", judged_new)
        over_random = ratio_of(judged_new[OURS].ndcg, judged_new[_RANDOM].ndcg)
        figures["new_item_ratio"] = round(over_random.value, 4)
    return Part(figures, rows)


def _new_item_rows(part: str, split: str, judged: Mapping[str, Judged]) -> list[Row]:
    rows = [Row(part, split, name, "ndcg10", mean_of(one.ndcg)) for name, one in judged.items()]
    for other in judged:
        if other != OURS:
            ratio = ratio_of(judged[OURS].ndcg, judged[other].ndcg)
            rows.append(Row(part, split, f"{OURS} / {other}", "ndcg10_ratio", ratio))
    return rows


def _best(judged: Mapping[str, Judged], *, without: set[str]) -> str:
    """Name the method with the highest NDCG@10 on the test likes; of equals, the first."""
    names = [name for name in judged if name not in without]
    return max(names, key=lambda name: judged[name].ndcg.mean())
