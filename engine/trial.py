"""Joins learning and judging: what the model would have ranked, held against what came after."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .learn.evaluation import Judgement, judge, picks_of_items, users_to_judge
from .learn.interactions import Interactions
from .learning import Content, Learning, Lesson, candidate_lists
from .rank.fuse import top_rows
from .rank.recommender import Recommender
from .scoring import FittedPolicy, fit_policy
from .threads import blas_threads
from .types import Rows, Scores

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
    """

    earlier: Interactions
    later: Interactions
    users: list[int]
    lesson: Lesson
    policy: FittedPolicy
    halves: tuple[Recommender, Recommender]

    def rank(self, user: int, k: int, only: Rows | None = None) -> Rows:
        """Return what would have been ranked for a user row, best first."""
        history = self.earlier[user]
        return self.halves[user % 2].for_person(history, k, only=only).rows[:k]

    def scores(self, user: int) -> Scores:
        """Score the whole catalogue for a user row, shape (n,); NaN for what they have seen."""
        history = self.earlier[user]
        scores = np.full(len(self.lesson.catalogue), np.nan, np.float32)
        unseen = np.delete(np.arange(len(scores), dtype=np.int32), history.rows)
        found = self.halves[user % 2].for_person(history, len(unseen), only=unseen)
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
                n_items=n_items,
                popularity=picks_of_items(self.earlier, n_items),
                score_all=score_all,
                progress=partial(progress, step),
            )

    def _unseen(self, scores: Scores, user: int, k: int, only: Rows | None) -> Rows:
        allowed = np.ones(len(scores), np.bool_)
        if only is not None:
            allowed[:] = False
            allowed[only] = True
        allowed[self.earlier[user].rows] = False
        return top_rows(scores, k, allowed)


def run_trial(
    learning: Learning,
    content: Content,
    earlier: Interactions,
    later: Interactions,
    progress: Progress,
    *,
    taught: Interactions | None = None,
) -> Trial | None:
    """Learn from `earlier` and judge by `later`; None if nobody picked anything later.

    People are ranked for by their histories in `earlier` also where it is `taught`, less, that the
    catalogue is learned from.
    """
    users = users_to_judge(later, n_items=len(content), seed=learning.seed)
    if not users:
        return None
    lesson = learning.of(content, earlier if taught is None else taught, progress)
    lists, people = candidate_lists(lesson.catalogue, earlier, later, users, progress)

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
    return Trial(earlier, later, users, lesson, policy, (even, odd))
