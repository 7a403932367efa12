import numpy as np
from sightline.index.building import GraphBuilder
from sightline.index.exact import ExactIndex
from sightline.index.hnsw import HnswIndex
from sightline.index.joining import GraphJoiner
from sightline_kernels.scan import to_bytes
from unit_vectors import unit_rows

VECTORS = unit_rows(2_000, 16)
ROWS = np.arange(2_000, dtype=np.int32)
STRAY = np.array([7, 400, 1_999], np.int32)


def joiner_of(vectors, neighbours):
    return GraphJoiner(vectors, to_bytes(vectors), neighbours, ROWS[: len(vectors)].copy())


def sound_links():
    builder = GraphBuilder(VECTORS, 2_000)
    builder.join(ROWS)
    return builder.graph(64).neighbours


def with_strays():
    """Links of which some rows have only ones to the rows farthest from them, which link back."""
    links = sound_links()
    links[np.isin(links, STRAY)] = -1
    order = np.argsort(links < 0, axis=1, kind="stable")
    links = np.take_along_axis(links, order, axis=1)
    for row in STRAY:
        far = np.argsort(VECTORS @ VECTORS[row])[:4]
        links[row] = -1
        links[row, :4] = far
        links[far, -1] = -1
        places = (links[far] >= 0).sum(axis=1)
        links[far, places] = row
    return links


def test_rows_that_only_far_ones_are_linked_to_are_lost():
    lost = joiner_of(VECTORS, with_strays()).lost()
    # One that walks happen to begin from is found.
    assert len(set(lost.tolist()) & set(STRAY.tolist())) >= 2
    assert lost.dtype == np.int32
    assert (np.diff(lost) > 0).all()


def test_of_a_sound_graph_hardly_any_row_is_lost():
    assert len(joiner_of(VECTORS, sound_links()).lost()) <= 2


def test_what_is_joined_again_is_found_and_so_are_the_others():
    joiner = joiner_of(VECTORS, with_strays())
    joiner.join_again(STRAY)
    assert joiner.held.all()
    assert not set(joiner.lost().tolist()) & set(STRAY.tolist())
    exact = ExactIndex(VECTORS, joiner.held, components_before_kernel=0)
    index = HnswIndex(joiner.graph(64), exact)
    found = index.query(VECTORS, 1).rows[:, 0]
    assert np.mean(found == ROWS) >= 0.99


def test_a_copy_of_a_row_that_is_found_is_not_lost():
    vectors = np.repeat(unit_rows(5, 16), 200, axis=0)  # more than a walk keeps
    ring = np.arange(1_000, dtype=np.int32).reshape(5, 200)
    links = np.stack([np.roll(ring, -1, 1), np.roll(ring, 1, 1)], axis=2).reshape(1_000, 2)
    assert len(joiner_of(vectors, links).lost()) == 0
