import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sightline.learn.taste_loss import KERNEL_SHARPNESS, Batch, contrasts_loss, hands_loss

seeds = st.integers(0, 2**31)


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def drawn(seed, *, dim=5, others=3):
    """A map near the identity, and three hands, of which two hold a copy of one item."""
    rng = np.random.default_rng(seed)
    starts, count = np.array([0, 3, 5]), 9
    inputs = unit(rng.normal(size=(count + others, dim)))
    inputs[4] = inputs[1]
    known = np.zeros((3, count + others), np.bool_)
    for hand, (start, stop) in enumerate([(0, 3), (3, 5), (5, 9)]):
        known[hand, start:stop] = True
    known[0, 4] = known[1, 1] = True  # the copies
    known[2, -1:] = others > 0  # picked by the third person, elsewhere
    weights = np.eye(dim) + 0.2 * rng.normal(size=(dim, dim))
    return weights, Batch(starts, rng.uniform(0.5, 2, count), inputs, known)


def loss_of_formula(weights, batch):
    z = unit(batch.inputs @ weights.T)
    kernel = np.exp(KERNEL_SHARPNESS * z @ z.T)
    count = len(batch.weights)
    crowding = kernel[:count].mean(axis=0)
    stops = [*batch.starts[1:], count]
    total = 0.0
    for hand, (start, stop) in enumerate(zip(batch.starts, stops, strict=True)):
        for pick in range(start, stop):
            rest = [entry for entry in range(start, stop) if entry != pick]
            scores = batch.weights[rest] @ kernel[rest] / np.sqrt(crowding)
            wrong = scores[~batch.known[hand]].sum()
            total -= batch.weights[pick] * np.log(scores[pick] / (scores[pick] + wrong))
    return total / batch.weights.sum()


def slope(loss, weights, step=1e-5):
    found = np.zeros_like(weights)
    for at in np.ndindex(weights.shape):
        up, down = weights.copy(), weights.copy()
        up[at] += step
        down[at] -= step
        found[at] = (loss(up) - loss(down)) / (2 * step)
    return found


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_loss_of_hands_is_that_of_the_formula(seed):
    weights, batch = drawn(seed)
    assert hands_loss(weights, batch)[0] == pytest.approx(loss_of_formula(weights, batch), rel=1e-5)


@pytest.mark.parametrize(("seed", "others"), [(0, 3), (1, 0)])
def test_gradient_of_hands_is_the_slope_of_their_loss(seed, others):
    weights, batch = drawn(seed, others=others)
    found = slope(lambda moved: hands_loss(moved, batch)[0], weights)
    assert hands_loss(weights, batch)[1] == pytest.approx(found, abs=1e-6)


def test_one_hand_alone_has_nothing_to_be_held_against():
    weights, batch = drawn(0)
    alone = Batch(np.array([0]), batch.weights[:3], batch.inputs[:3], np.ones((1, 3), np.bool_))
    loss, gradient = hands_loss(weights, alone)
    assert loss == 0
    assert not gradient.any()


def test_float32_stays_float32():
    weights, batch = drawn(0)
    narrow = Batch(
        batch.starts,
        batch.weights.astype(np.float32),
        batch.inputs.astype(np.float32),
        batch.known,
    )
    loss, gradient = hands_loss(weights.astype(np.float32), narrow)
    assert gradient.dtype == np.float32
    assert loss == pytest.approx(hands_loss(weights, batch)[0], rel=1e-4)
    assert gradient == pytest.approx(hands_loss(weights, batch)[1], abs=1e-4)


def sides(seed, count=6, dim=4):
    rng = np.random.default_rng(seed)
    same, different = ([unit(rng.normal(size=(count, dim))) for _ in range(2)] for _ in range(2))
    return np.eye(dim) + 0.2 * rng.normal(size=(dim, dim)), tuple(same), tuple(different)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_loss_of_contrasts_is_that_of_the_formula(seed):
    weights, same, different = sides(seed)
    cosines = [
        (unit(a @ weights.T) * unit(b @ weights.T)).sum(axis=1) for a, b in (same, different)
    ]
    expected = np.log1p(np.exp(KERNEL_SHARPNESS * (cosines[1] - cosines[0]))).mean()
    assert contrasts_loss(weights, same, different)[0] == pytest.approx(expected)


def test_gradient_of_contrasts_is_the_slope_of_their_loss():
    weights, same, different = sides(0)
    found = slope(lambda moved: contrasts_loss(moved, same, different)[0], weights)
    assert contrasts_loss(weights, same, different)[1] == pytest.approx(found, abs=1e-6)


def test_rows_of_zeros_stand_for_a_cosine_of_zero():
    weights, _, different = sides(0)
    none = np.zeros_like(different[0])
    loss, gradient = contrasts_loss(weights, (none, none), different)
    cosine = (unit(different[0] @ weights.T) * unit(different[1] @ weights.T)).sum(axis=1)
    assert loss == pytest.approx(np.log1p(np.exp(KERNEL_SHARPNESS * cosine)).mean())
    assert np.isfinite(gradient).all()
