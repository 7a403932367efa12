"""What an evaluation found, laid out for the manifest, the terminal and the page."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from .bootstrap import (
    LEVEL,
    Interval,
    comparison,
    interval,
    intervals,
    paired_difference,
    paired_ratio,
    verdict,
)
from .evaluation import Judgement
from .splits import HELD_OUT

__all__ = ["Evaluation"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Judgements by method, by segment, and of the model with a part of it left out.

    `split` is a name in `HELD_OUT`. `methods` has the model's own ranking first, then what is set
    beside it. `segments` has the same methods by segment. `ablation` has the model's own ranking
    built without a part, by the part's name. `seed` is that of the bootstrap. Whatever is compared
    must have been judged on the same users, and there must be some.
    """

    split: str
    methods: Mapping[str, Judgement]
    segments: Mapping[str, Mapping[str, Judgement]] = field(default_factory=dict)
    ablation: Mapping[str, Judgement] = field(default_factory=dict)
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold, every figure rounded to five places.

        A figure is ``{"value", "low", "high"}``, with the ends of its interval at `level` over
        users, None for an end without bound. Those that no user has alone, ``coverage`` and
        ``personalization``, are ``{"value"}``.

        Returns
        -------
        report
            - ``split``, ``held_out`` (the split in words), ``k``, ``users``, ``level``
            - ``methods``: ``{method: {metric: figure}}``, named as in `Metrics`
            - ``against``: ``{method: {"difference": figure, "ratio": figure, "verdict": words}}``,
              the NDCG of the first method beside that of every other
            - ``segments``: ``{segment: {"users": count, "methods": ..., "against": ...}}``, the
              last two as above, and empty where nobody judged is in the segment
            - ``ablation``: ``[{"without": part, "ndcg": figure, "difference": figure, "ratio":
              figure, "verdict": words}]``, the NDCG without the part, and the whole beside it

        Raises
        ------
        ValueError
            If nobody was judged, or what is compared was judged on other users.
        """
        own = next(iter(self.methods.values()))
        return {
            "split": self.split,
            "held_out": HELD_OUT[self.split],
            "k": own.k,
            "users": len(own),
            "level": LEVEL,
            "methods": self._figures(self.methods),
            "against": self._against(self.methods),
            "segments": {name: self._segment(methods) for name, methods in self.segments.items()},
            "ablation": [self._without(part, own, rest) for part, rest in self.ablation.items()],
        }

    def _segment(self, methods: Mapping[str, Judgement]) -> dict[str, Any]:
        users = len(next(iter(methods.values())))
        judged = methods if users else {}
        return {
            "users": users,
            "methods": self._figures(judged),
            "against": self._against(judged),
        }

    def _figures(self, methods: Mapping[str, Judgement]) -> dict[str, Any]:
        figures = {}
        for name, judgement in methods.items():
            found = intervals(judgement.per_user, seed=self.seed)
            metrics = judgement.metrics().to_dict()
            figures[name] = {
                metric: found[metric].to_dict() if metric in found else {"value": value}
                for metric, value in metrics.items()
                if metric not in {"k", "users"}
            }
        return figures

    def _against(self, methods: Mapping[str, Judgement]) -> dict[str, Any]:
        found = {}
        for name, other in islice(methods.items(), 1, None):
            difference, ratio = self._compare(next(iter(methods.values())), other)
            found[name] = {
                "difference": difference.to_dict(),
                "ratio": ratio.to_dict(),
                "verdict": comparison(name, difference, ratio),
            }
        return found

    def _without(self, part: str, own: Judgement, rest: Judgement) -> dict[str, Any]:
        difference, ratio = self._compare(own, rest)
        return {
            "without": part,
            "ndcg": interval(rest.per_user["ndcg"], seed=self.seed).to_dict(),
            "difference": difference.to_dict(),
            "ratio": ratio.to_dict(),
            "verdict": verdict(part, difference, ratio),
        }

    def _compare(self, own: Judgement, other: Judgement) -> tuple[Interval, Interval]:
        """Return difference and ratio of their NDCG."""
        if not np.array_equal(own.users, other.users):
            message = "two rankings judged on different users cannot be compared"
            raise ValueError(message)
        ours, theirs = own.per_user["ndcg"], other.per_user["ndcg"]
        return (
            paired_difference(ours, theirs, seed=self.seed),
            paired_ratio(ours, theirs, seed=self.seed),
        )
