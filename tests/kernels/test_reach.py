import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sightline_kernels.reach import reach


def random_graph(n, room, seed=0):
    rng = np.random.default_rng(seed)
    graph = np.full((n, room), -1, np.int32)
    for row in range(n):
        others = rng.permutation(np.delete(np.arange(n), row))[: rng.integers(0, room + 1)]
        graph[row, : len(others)] = others
    return graph


def of(padded):
    return [int(row) for row in padded if row >= 0]


def reached_from(graph, entries):
    reached, waiting = set(entries), list(entries)
    while waiting:
        for other in of(graph[waiting.pop()]):
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached


@given(st.integers(1, 60), st.integers(1, 6), st.floats(0, 1), st.integers(0, 2**20))
def test_every_row_of_a_graph_comes_within_reach(n, room, share, seed):
    rng = np.random.default_rng(seed)
    held = rng.random(n) < 0.8
    graph = random_graph(n, room, seed)
    keep = held[:, None] & held[graph] & (graph >= 0) & (rng.random(graph.shape) < share)
    thinned = np.take_along_axis(np.where(keep, graph, -1), np.argsort(~keep, axis=1), axis=1)
    entries = np.flatnonzero(held)[:1].astype(np.int32)
    linked = thinned.copy()
    more = reach(linked, entries, held)
    assert more.tolist() == sorted(set(more.tolist()) - set(entries.tolist()))
    assert reached_from(linked, [*entries.tolist(), *more.tolist()]) == set(np.flatnonzero(held))
    for row in range(n):
        assert of(linked[row])[: len(of(thinned[row]))] == of(thinned[row])


def test_a_graph_that_is_within_reach_stays_as_it_is():
    ring = ((np.arange(9, dtype=np.int32)[:, None] + [1, 2]) % 9).astype(np.int32)
    before = ring.copy()
    assert reach(ring, np.array([4], np.int32), np.ones(9, np.bool_)).tolist() == []
    assert_array_equal(ring, before)


def test_an_island_without_room_beside_it_begins_walks_itself():
    islands = np.array([[1], [0], [3], [2]], np.int32)
    assert reach(islands, np.array([0], np.int32), np.ones(4, np.bool_)).tolist() == [2]


def test_a_graph_without_rows_needs_no_entry():
    nothing = np.empty(0, np.int32)
    assert len(reach(np.empty((0, 4), np.int32), nothing, np.empty(0, np.bool_))) == 0
