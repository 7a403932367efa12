"""What training minimises."""

import torch
from torch import Tensor


def asked(wanted: Tensor, attributes: Tensor) -> Tensor:
    """Say which picture has all that a text asks for, shape (texts, pictures), bool.

    Parameters
    ----------
    wanted
        Shape (texts, axes): a value's number, or -1 where anything will do.
    attributes
        Shape (pictures, axes): a value's number, or -2 where nothing is known.
    """
    right = torch.ones(len(wanted), len(attributes), dtype=torch.bool, device=wanted.device)
    for axis in range(wanted.shape[1]):
        mine = wanted[:, axis, None]
        right &= (mine == -1) | (mine == attributes[None, :, axis])
    return right


def contrast(logits: Tensor, positives: Tensor) -> Tensor:
    """Return the cross entropy of each row with its positives, spread evenly (SupCon, 2020).

    Rows without a positive, whose picture has left the memory, do not count.
    """
    has = positives.any(1)
    share = positives.float() / positives.sum(1, keepdim=True).clamp(min=1)
    per_row = -(share * logits.log_softmax(1)).sum(1)
    return per_row[has].mean()


def relations(vectors: Tensor, features: Tensor, temperature: float = 0.07) -> Tensor:
    """Return how far each row's neighbours are from the teacher's (SEED, Fang et al., 2021).

    Kullback-Leibler divergence from the softmax over the batch of the teacher's similarities to
    that of ours: it says nothing of where vectors lie, only of who is near whom.
    """
    self_pairs = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    ours = (vectors @ vectors.T / temperature).masked_fill(self_pairs, -1e4).log_softmax(1)
    theirs = (features @ features.T / temperature).masked_fill(self_pairs, -1e4).log_softmax(1)
    return (theirs.exp() * (theirs - ours)).sum(1).mean()


def distance(vectors: Tensor, goals: Tensor) -> Tensor:
    """Return the mean of one minus the cosine, over rows."""
    return (1 - torch.cosine_similarity(vectors, goals, dim=1)).mean()
