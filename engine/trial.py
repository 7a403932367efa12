"""Joins learning and judging: what the model would have ranked, held against what came after."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .hiding import Hidden, nothing_hidden
from .learn.evaluation import Judgement, judge, picks_of_items, users_to_judge
from .learn.interactions import Interactions
from .learning import Content, Learning, Lesson, candidate_lists
from .rank.fuse import top_rows
from .rank.recommender import Recommender
from .scoring import FittedPolicy, fit_policy
from .threads import blas_threads
from .types import Mask, Rows, Scores

__all__ = ["CUT_OFF", "Trial", "run_trial"]

Progress: TypeAlias = Callable[[str, int, int], None]

CUT_OFF = 10
_FEWEST_TO_HALVE = 40
"""People below whom half of them teach less than the prior knows: all are judged by one policy."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What `earlier` taught, and how well it foretells `later`.

    `policy` is learned from everyone's later picks; but what people are judged by, `rank`, is
    learned from those of the other half of the people (cross-fitting), so that nobody is judged by
    a weight that their own picks set.

    `hidden` is in no ranking, see `Hidden`; `later` has no picks of what nobody is shown, and
    `unanswerable` is how many these were.
    """

    earlier: Interactions
    later: Interactions
    users: list[int]
    lesson: Lesson
    policy: FittedPolicy
    halves: tuple[Recommender, Recommender]
    hidden: Hidden
    unanswerable: int = 0

    def allowed(self, user: int) -> Mask | None:
        """Return which items a user row may be shown, shape (n,); None: all."""
        return self.hidden.shown_to(user, _picks(self.later, user))

    @property
    def left_out(self) -> dict[str, int]:
        """How many items nobody is shown, and how many held-out picks were of these."""
        n_hidden = len(self.lesson.catalogue) - self.hidden.n_shown
        return {"items": n_hidden, "held_out_picks": self.unanswerable}

    def rank(self, user: int, k: int, only: Rows | None = None) -> Rows:
        """Return what would have been ranked for a user row, best first."""
        history = self.earlier[user]
        found = self.halves[user % 2].for_person(history, k, only=only, allowed=self.allowed(user))
        return found.rows[:k]

    def scores(self, user: int) -> Scores:
        """Score the catalogue for a user row, shape (n,); NaN for what they are not shown."""
        history = self.earlier[user]
        scores = np.full(len(self.lesson.catalogue), np.nan, np.float32)
        unseen = np.delete(np.arange(len(scores), dtype=np.int32), history.rows)
        found = self.halves[user % 2].for_person(
            history, len(unseen), only=unseen, allowed=self.allowed(user)
        )
        scores[found.rows] = found.scores
        return scores

    def popular(self, user: int, k: int, only: Rows | None = None) -> Rows:
        """Return the most popular of what a user has not seen."""
        return self._unseen(self.lesson.catalogue.facts.popularity, user, k, only)

    def trending(self, user: int, k: int, only: Rows | None = None) -> Rows:
        """Return the most trending of what a user has not seen."""
        return self._unseen(self.lesson.catalogue.facts.trend, user, k, only)

    def judge(
        self,
        rank: Callable[[int, int], Rows],
        progress: Progress,
        step: str,
        *,
        score_all: Callable[[int], Scores] | None = None,
    ) -> Judgement:
        """Judge a ranking of the users of this trial; with `score_all` by its AUC as well."""
        n_items = len(self.lesson.catalogue)
        with blas_threads(1):
            return judge(
                rank,
                self.later,
                self.users,
                k=CUT_OFF,
                n_items=self.hidden.n_shown,
                popularity=picks_of_items(self.earlier, n_items),
                score_all=score_all,
                progress=partial(progress, step),
            )

    def _unseen(self, scores: Scores, user: int, k: int, only: Rows | None) -> Rows:
        kept = np.ones(len(scores), np.bool_)
        if only is not None:
            kept[:] = False
            kept[only] = True
        kept[self.earlier[user].rows] = False
        allowed = self.allowed(user)
        return top_rows(scores, k, kept if allowed is None else kept & allowed)


def run_trial(
    learning: Learning,
    content: Content,
    earlier: Interactions,
    later: Interactions,
    progress: Progress,
    *,
    taught: Interactions | None = None,
    hidden: Hidden | None = None,
) -> Trial | None:
    """Learn from `earlier` and judge by `later`; None if nobody picked anything later.

    People are ranked for by their histories in `earlier` also where it is `taught`, less, that the
    catalogue is learned from. What is `hidden` teaches as anything else does, but is neither ranked
    nor asked for; None: nothing is.
    """
    hidden = hidden or nothing_hidden(len(content))
    told, later = later, later.where(hidden.shown[later.rows])
    users = users_to_judge(later, n_items=len(content), seed=learning.seed)
    if not users:
        return None
    lesson = learning.of(content, earlier if taught is None else taught, progress)
    lists, people = candidate_lists(
        lesson.catalogue,
        earlier,
        later,
        users,
        progress,
        allowed=lambda user: hidden.shown_to(user, _picks(later, user)),
    )

    def fit(kept: NDArray[np.bool_]) -> FittedPolicy:
        return fit_policy(
            learning.policies.scoring,
            lists.where(kept),
            seed=learning.seed,
            threads=learning.threads,
            progress=progress,
        )

    everyone = np.ones(len(lists), np.bool_)
    policy = fit(everyone)
    is_odd = people % 2 == 1
    few = min(np.count_nonzero(is_odd), np.count_nonzero(~is_odd)) < _FEWEST_TO_HALVE / 2
    halves = [policy, policy] if few else [fit(is_odd), fit(~is_odd)]
    even, odd = (Recommender(lesson.catalogue, half.open()) for half in halves)
    unanswerable = int(np.count_nonzero(told.weights > 0) - np.count_nonzero(later.weights > 0))
    return Trial(earlier, later, users, lesson, policy, (even, odd), hidden, unanswerable)


def _picks(later: Interactions, user: int) -> Rows:
    history = later[user]
    return history.rows[history.weights > 0]
