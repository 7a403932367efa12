"""Joining and leaving a graph, each beside its twin."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sightline_kernels.join import choose_links, link_back, mend
from sightline_kernels.scan import to_bytes


def drawn(n, dim, seed=0, *, distinct=None):
    """Unit vectors, some of them equal where fewer are distinct, and as they are in bytes."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((distinct or n, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[rng.integers(0, len(vectors), n)] if distinct else vectors
    return to_bytes(vectors.astype(np.float32))


def random_graph(n, room, seed=0):
    rng = np.random.default_rng(seed)
    graph = np.full((n, room), -1, np.int32)
    for row in range(n):
        others = rng.permutation(np.delete(np.arange(n), row))[: rng.integers(0, room + 1)]
        graph[row, : len(others)] = others
    return graph


def scores_of(rounded):
    codes = rounded.codes.astype(np.int64)
    scales = rounded.scales.astype(np.float64)
    return ((codes @ codes.T) * np.outer(scales, scales)).astype(np.float32)


def kept(scores, row, pool, links, most):
    """Algorithm 4 from `links` on, with half of the places at most for copies."""
    links = list(links)
    for other in sorted(pool, key=lambda other: (-scores[row, other], (other - row) % len(scores))):
        copies = sum(scores[row, link] >= scores[row, row] for link in links)
        if scores[row, other] >= scores[row, row] and 2 * (copies + 1) > most:
            continue
        apart = all(scores[other, link] <= scores[row, other] for link in links)
        if len(links) < most and other not in links and apart:
            links.append(other)
    return links


def of(padded):
    return [int(row) for row in padded if row >= 0]


def unlike(rows):
    return list(dict.fromkeys(rows))


@pytest.mark.parametrize("dim", [1, 3, 64, 513])
@pytest.mark.parametrize("distinct", [None, 7])
def test_chosen_links_are_those_of_the_reference(dim, distinct):
    rounded = drawn(80, dim, distinct=distinct)
    rng = np.random.default_rng(1)
    rows = rng.permutation(80)[:20].astype(np.int32)
    candidates = rng.integers(-1, 80, (20, 30)).astype(np.int32)
    chosen = choose_links(rows, candidates, rounded, 6, 5, 20)
    scores = scores_of(rounded)
    for row, pool, links in zip(rows[5:], candidates[5:], chosen, strict=True):
        others = [other for other in of(pool) if other != row]
        assert of(links) == kept(scores, row, others, [], 6)
    assert chosen.dtype == np.int32


def test_copies_take_half_of_the_links_at_most():
    rounded = drawn(40, 8)
    for array in rounded:
        array.flags.writeable = True
        array[:30] = array[0]
    chosen = choose_links(np.zeros(1, np.int32), np.arange(40)[None], rounded, 8, 0, 1)
    assert ((chosen >= 0) & (chosen < 30)).sum() == 4
    assert (chosen >= 30).any()


@pytest.mark.parametrize("dim", [1, 3, 65])
def test_a_mended_graph_is_that_of_the_reference(dim):
    rounded, before = drawn(60, dim), random_graph(75, 6)
    rng = np.random.default_rng(2)
    was = np.full(60, -1, np.int32)
    was[rng.permutation(60)[:50]] = rng.permutation(75)[:50]
    now = np.full(75, -1, np.int32)
    now[was[was >= 0]] = np.flatnonzero(was >= 0)
    links = np.full((60, 6), -1, np.int32)
    mend(before, now, was, rounded, links, 0, 25)
    mend(before, now, was, rounded, links, 25, 60)
    scores = scores_of(rounded)
    for row in range(60):
        had = of(before[was[row]]) if was[row] >= 0 else []
        stay = of(now[had])
        pool = of(
            now[unlike([other for gone in had if now[gone] < 0 for other in of(before[gone])])]
        )
        pool = [other for other in unlike(pool) if other not in stay and other != row]
        assert of(links[row]) == kept(scores, row, pool, stay, len(had))


@pytest.mark.parametrize("distinct", [None, 5])
def test_links_back_are_those_of_the_reference(distinct):
    rounded, before = drawn(60, 9, distinct=distinct), random_graph(60, 6)
    rng = np.random.default_rng(3)
    targets = np.sort(rng.permutation(60)[:30]).astype(np.int32)
    offsets = np.append(0, np.cumsum(rng.integers(0, 5, 30)))
    sources = rng.integers(0, 60, offsets[-1]).astype(np.int32)
    after = before.copy()
    for start, stop in ((0, 11), (11, 30)):
        link_back(after, targets, offsets, sources, rounded, start, stop)
    scores = scores_of(rounded)
    for place, row in enumerate(targets):
        joining = sources[offsets[place] : offsets[place + 1]].tolist()
        pool = unlike([*of(before[row]), *[other for other in joining if other != row]])
        expected = pool if len(pool) <= 6 else kept(scores, row, pool, [], 6)
        assert of(after[row]) == expected
    untouched = np.setdiff1d(np.arange(60), targets)
    assert_array_equal(after[untouched], before[untouched])


def test_no_rows_are_joined_and_none_mended_without_any():
    rounded, nothing = drawn(0, 4), np.empty(0, np.int32)
    links = np.empty((0, 4), np.int32)
    mend(links.copy(), nothing, nothing, rounded, links, 0, 0)
    assert choose_links(nothing, np.empty((0, 3), np.int32), rounded, 4, 0, 0).shape == (0, 4)
