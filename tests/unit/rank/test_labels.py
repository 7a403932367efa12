import numpy as np
import pytest
from sightline.rank.labels import CLIP_SCALE, Loss, judge, label_vectors
from sightline.types import Modality


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def of(vectors, presence=None):
    vectors = np.asarray(vectors, np.float32)
    present = np.ones(len(vectors), np.bool_) if presence is None else np.asarray(presence)
    return Modality(np.where(present[:, None], vectors, 0).astype(np.float32), present)


def nothing(n):
    return Modality(np.zeros((n, 0), np.float32), np.zeros(n, np.bool_))


def with_cosines(cosines):
    """Unit vectors whose first components are the cosines to the first axes."""
    cosines = np.asarray(cosines, np.float32)
    rest = np.sqrt(1 - (cosines**2).sum(axis=1, keepdims=True))
    return np.hstack([cosines, rest]).astype(np.float32)


AXES = np.eye(3, dtype=np.float32)[:2]
"""Two labels; `with_cosines` makes vectors of given cosines to them."""


@pytest.fixture
def catalogue():
    """Thirty pictures and texts of which some items have one, some the other, some neither."""
    rng = np.random.default_rng(0)
    images = of(unit(rng.standard_normal((60, 8))), np.arange(60) < 30)
    texts = of(unit(rng.standard_normal((60, 8))), (np.arange(60) >= 20) & (np.arange(60) < 55))
    return images, texts, unit(rng.standard_normal((5, 8)))


def test_probabilities_are_the_softmax_of_scaled_cosines():
    judged = judge(of(with_cosines([[0.3, 0.1], [0, 0.5]])), nothing(2), AXES, Loss(scale=10))
    odds = np.exp([[3, 1], [0, 5]])
    expected = odds / odds.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(judged.probabilities, expected, rtol=1e-5)
    assert judged.best.tolist() == [0, 1]
    np.testing.assert_allclose(judged.certainty, expected.max(axis=1), rtol=1e-5)


def test_an_encoder_that_does_not_say_its_scale_has_clip_s():
    pictures = of(with_cosines([[0.25, 0.22]]))
    told = judge(pictures, nothing(1), AXES, Loss(CLIP_SCALE))
    np.testing.assert_array_equal(
        judge(pictures, nothing(1), AXES).probabilities, told.probabilities
    )
    assert told.probabilities[0, 0] == pytest.approx(1 / (1 + np.exp(-3)), rel=1e-4)


def test_probabilities_of_items_that_can_be_judged_sum_to_one(catalogue):
    judged = judge(*catalogue)
    known = judged.by_image | judged.by_text
    assert known.tolist() == [place < 55 for place in range(60)]
    np.testing.assert_allclose(judged.probabilities[known].sum(axis=1), 1, rtol=1e-5)
    assert (judged.probabilities[known] >= 0).all()


def test_with_a_bias_every_label_is_judged_by_itself():
    loss = Loss(scale=100, bias=-12.5)
    judged = judge(of(with_cosines([[0.12, 0.13], [-0.9, 0.01]])), nothing(2), AXES, loss)
    expected = 1 / (1 + np.exp(12.5 - 100 * np.array([[0.12, 0.13], [-0.9, 0.01]])))
    np.testing.assert_allclose(judged.probabilities, expected, rtol=1e-4, atol=1e-12)
    alone = judge(of(with_cosines([[0.12, 0.13]])), nothing(1), AXES[:1], loss)
    np.testing.assert_allclose(alone.probabilities[0], expected[0, :1], rtol=1e-4)


def test_the_order_of_labels_changes_nothing_but_their_order(catalogue):
    images, texts, labels = catalogue
    order = [3, 0, 4, 2, 1]
    judged, shuffled = judge(images, texts, labels), judge(images, texts, labels[order])
    np.testing.assert_allclose(
        shuffled.probabilities, judged.probabilities[:, order], rtol=1e-4, atol=1e-6
    )
    known = judged.by_image | judged.by_text
    assert np.array(order)[shuffled.best[known]].tolist() == judged.best[known].tolist()


def test_an_item_is_judged_by_its_picture_else_by_its_words_else_not_at_all(catalogue):
    images, texts, labels = catalogue
    judged = judge(images, texts, labels)
    places = np.arange(60)
    assert judged.by_image.tolist() == (places < 30).tolist()
    assert judged.by_text.tolist() == ((places >= 30) & (places < 55)).tolist()
    assert np.isnan(judged.probabilities[55:]).all()
    assert np.isnan(judged.certainty[55:]).all()
    seen = judge(images, nothing(60), labels).probabilities[:30]
    np.testing.assert_array_equal(judged.probabilities[:30], seen)


def test_words_that_stand_out_as_much_as_a_picture_are_as_probable():
    rng = np.random.default_rng(1)
    standing = rng.uniform(-1.5, 1.5, (200, 2)).astype(np.float32)
    pictures = with_cosines([0.2, 0.25] + 0.02 * standing)
    texts = with_cosines([0.6, 0.5] + 0.1 * standing)
    loss = Loss(scale=20)
    has_picture = np.arange(200) % 2 == 0
    judged = judge(of(pictures, has_picture), of(texts), AXES, loss)
    if_it_had = judge(of(pictures), nothing(200), AXES, loss).probabilities
    np.testing.assert_allclose(judged.probabilities, if_it_had, atol=0.03)
    raw = judge(nothing(200), of(texts), AXES, loss).probabilities
    assert abs(raw - if_it_had).max() > 0.5


def test_words_are_taken_as_they_are_where_few_items_have_pictures():
    rng = np.random.default_rng(2)
    vectors = unit(rng.standard_normal((40, 3)))
    few = of(vectors, np.arange(40) < 19)
    alone = judge(nothing(40), of(vectors), AXES, Loss(scale=5)).probabilities
    np.testing.assert_array_equal(
        judge(few, of(vectors), AXES, Loss(scale=5)).probabilities[19:], alone[19:]
    )
    enough = of(vectors * [1, 1, -1], np.arange(40) < 20)
    moved = judge(enough, of(vectors), AXES, Loss(scale=5)).probabilities[20:]
    assert not np.allclose(moved, alone[20:])


def test_equal_words_are_no_reason_to_divide_by_nothing():
    rng = np.random.default_rng(3)
    pictures = unit(rng.standard_normal((60, 3)))
    judged = judge(of(pictures, np.arange(60) < 40), of(np.tile(AXES[0], (60, 1))), AXES)
    mean = (pictures[:40] @ AXES.T).mean(axis=0) * CLIP_SCALE
    expected = np.exp(mean[0]) / np.exp(mean).sum()
    np.testing.assert_allclose(judged.probabilities[40:, 0], expected, rtol=1e-3)


def test_the_formulas_written_out_item_by_item_say_the_same(catalogue):
    images, texts, labels = catalogue
    judged = judge(images, texts, labels, Loss(scale=22))
    seen = [[float(v @ label) for label in labels] for v in images.vectors[images.presence]]
    read = [[float(v @ label) for label in labels] for v in texts.vectors[texts.presence]]
    for item in range(60):
        if images.presence[item]:
            logits = [22 * float(images.vectors[item] @ label) for label in labels]
        elif texts.presence[item]:
            logits = []
            for place, label in enumerate(labels):
                ours = [row[place] for row in read]
                theirs = [row[place] for row in seen]
                z = (float(texts.vectors[item] @ label) - np.mean(ours)) / np.std(ours)
                logits.append(22 * (np.mean(theirs) + z * np.std(theirs)))
        else:
            continue
        expected = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(judged.probabilities[item], expected, rtol=1e-3)


def test_a_label_is_the_direction_of_the_mean_of_its_templates():
    prompts = unit([[1, 0], [1, 1], [0, 1], [0, 1]])
    vectors = label_vectors(prompts, 2)
    mean = (prompts[0] + prompts[1]) / 2
    np.testing.assert_allclose(vectors, [mean / np.linalg.norm(mean), [0, 1]], atol=1e-6)


def test_templates_that_cancel_out_make_no_nan():
    assert np.isfinite(label_vectors(unit([[1, 0], [-1, 0]]), 1)).all()
