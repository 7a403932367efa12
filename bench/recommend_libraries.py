"""Baselines of other people's libraries: a log of likes into scores of every person and item."""

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from recommend_splits import Log
from sightline.types import Mask, Scores, Vectors

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix  # scipy comes with implicit, and is absent without

__all__ = ["Content", "als", "bpr", "lightfm", "vbpr"]

_SEED = 0
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of items besides who likes them, rows in the order of the items."""

    pictures: Vectors
    """Vectors of their pictures by our encoder, shape (n, d)."""
    has_picture: Mask
    """Shape (n,)."""
    labels: NDArray[np.float32]
    """Words and genres, 1 or 0, shape (n, g)."""

    def features(self) -> Vectors:
        """Return the pictures' vectors less their mean, and 0 where there is no picture.

        Their length is left: at a unit of spread in every number, which is sixteen times as much,
        VBPR ranked worse on a validation slice.
        """
        mean = self.pictures[self.has_picture].mean(axis=0)
        centred: Vectors = np.where(self.has_picture[:, None], self.pictures - mean, 0)
        return centred.astype(np.float32)


def als(log: Log, *, factors: int, regularization: float, alpha: float) -> Scores:
    """Score by implicit's alternating least squares (Hu, Koren & Volinsky, 2008)."""
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=factors,
        regularization=regularization,
        alpha=alpha,
        iterations=20,
        num_threads=1,
        random_state=_SEED,
    )
    model.fit(_sparse(log), show_progress=False)
    return np.asarray(model.user_factors @ model.item_factors.T, np.float32)


def bpr(
    log: Log, *, factors: int, learning_rate: float, regularization: float, iterations: int
) -> Scores:
    """Score by implicit's BPR (Rendle et al., 2009); items without a like get 0."""
    from implicit.bpr import BayesianPersonalizedRanking

    model = BayesianPersonalizedRanking(
        factors=factors,
        learning_rate=learning_rate,
        regularization=regularization,
        iterations=iterations,
        num_threads=1,
        random_state=_SEED,
    )
    model.fit(_sparse(log), show_progress=False)
    scores = np.asarray(model.user_factors @ model.item_factors.T, np.float32)
    return np.where(log.by_item() > 0, scores, np.float32(scores.min()))


def vbpr(
    log: Log,
    content: Content,
    *,
    factors: int,
    learning_rate: float,
    regularization: float,
    epochs: int,
) -> Scores:
    """Score by Cornac's VBPR (He & McAuley, 2016) on the pictures' vectors.

    Half of the factors are of likes, half are seen through pictures. An item that nobody likes has
    only the latter: its own factors and bias, which nothing has trained, are left out.
    """
    from cornac.data import Dataset, ImageModality
    from cornac.models import VBPR

    likes = zip(log.users.tolist(), log.items.tolist(), [1.0] * len(log), strict=True)
    known = Dataset.build(likes, seed=_SEED)
    people, items = (np.array(list(ids), np.int64) for ids in (known.uid_map, known.iid_map))
    features = content.features()
    known.add_modalities(item_image=ImageModality(features=features[items]))
    model = VBPR(
        k=factors,
        k2=factors,
        n_epochs=epochs,
        batch_size=_BATCH,
        learning_rate=learning_rate,
        lambda_w=regularization,
        lambda_b=regularization,
        lambda_e=regularization,
        verbose=False,
        seed=_SEED,
    )
    with contextlib.redirect_stdout(io.StringIO()):  # it says that it is done, whatever `verbose`
        model.fit(known)
    own = model.gamma_user @ model.gamma_item.T + model.beta_item
    seen = model.theta_user @ (features @ model.emb_matrix).T
    scores = np.zeros((log.n_users, log.n_items), np.float32)
    scores[people] = seen + (features @ model.beta_prime).ravel()
    scores[np.ix_(people, items)] += own
    return scores


def lightfm(
    log: Log,
    content: Content,
    *,
    factors: int,
    learning_rate: float,
    item_alpha: float,
    epochs: int,
) -> Scores:
    """Score by LightFM's WARP loss (Kula, 2015) with item features.

    Features are each item's own and its labels; pictures are not among them, because LightFM takes
    sparse features. An item that nobody likes has no feature of its own, which nothing would have
    trained.
    """
    from lightfm import LightFM
    from scipy import sparse

    own = sparse.diags((log.by_item() > 0).astype(np.float32), format="csr")
    labels = sparse.csr_matrix(content.labels)
    features = sparse.hstack([own, labels], format="csr", dtype=np.float32)
    model = LightFM(
        no_components=factors,
        loss="warp",
        learning_rate=learning_rate,
        item_alpha=item_alpha,
        random_state=_SEED,
    )
    model.fit(_sparse(log).tocoo(), item_features=features, epochs=epochs, num_threads=1)
    biases, items = model.get_item_representations(features)
    _, people = model.get_user_representations()
    return np.asarray(people @ items.T + biases, np.float32)


def _sparse(log: Log) -> "csr_matrix":
    from scipy import sparse

    ones = np.ones(len(log), np.float32)
    return sparse.csr_matrix((ones, (log.users, log.items)), (log.n_users, log.n_items))
