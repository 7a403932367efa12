"""Attention by a single query, as the heads of SigLIP and of CLIP's ResNets pool their tokens.

One query needs no key and no value of any token. Its scores are q (K x) = (q K) x, where the bias
of K adds the same to all tokens and so nothing after softmax; what it gathers is
sum a (V x + b) = V (sum a x) + b, as the a add up to 1. So two of the head's matrices meet one
vector per head and picture instead of every token. This is exact but for the order of sums.
"""

import numpy as np

from .checkpoint import Array, Linear
from .graph import Graph, Value
from .layers import linear

__all__ = ["fixed_scores", "gather", "query_scores"]


def fixed_scores(
    graph: Graph, tokens: Value, probe: Array, query: Linear, key: Linear, name: str, *, heads: int
) -> Value:
    """Score tokens by a query that is the same for all pictures.

    Parameters
    ----------
    tokens
        Shape (batch, tokens, width).
    probe
        What the query is made of, shape (width,).
    query, key
        Their matrices keep `width`, which `heads` divides.
    name
        What the constants are called.

    Returns
    -------
    scores
        Shape (batch, heads, tokens), before softmax.
    """
    width = len(query.weight)
    asked = query.weight.astype(np.float64) @ probe + (0 if query.bias is None else query.bias)
    asked = asked.reshape(heads, 1, -1) * (width // heads) ** -0.5
    matrix = (asked @ key.weight.reshape(heads, -1, width)).reshape(heads, width)
    scores = graph.add("MatMul", tokens, graph.weight(matrix.T, f"{name}.probe"))
    return graph.add("Transpose", scores, perm=[0, 2, 1])


def query_scores(
    graph: Graph,
    channels: Value,
    asking: Value,
    query: Linear,
    key: Linear,
    name: str,
    *,
    heads: int,
) -> Value:
    """Score tokens by a query that each picture makes of its own token.

    Parameters
    ----------
    channels
        The tokens with their axes swapped, shape (batch, width, tokens).
    asking
        What the query is made of, shape (batch, width).
    query, key, name, heads
        As of `fixed_scores`.

    Returns
    -------
    scores
        Shape (batch, heads, tokens), before softmax.
    """
    width = len(query.weight)
    scale = np.float32((width // heads) ** -0.5)
    scaled = Linear(query.weight * scale, None if query.bias is None else query.bias * scale)
    q = linear(graph, asking, scaled, f"{name}.query", exact=True)
    by_head = key.weight.reshape(heads, -1, width)
    return graph.add("MatMul", _per_head(graph, q, by_head, f"{name}.key", whole=False), channels)


def gather(
    graph: Graph, scores: Value, tokens: Value, value: Linear, out: Linear, name: str, *, heads: int
) -> Value:
    """Average the tokens by the softmax of their scores, head by head, and project the averages.

    Parameters
    ----------
    scores
        Shape (batch, heads, tokens).
    tokens
        Shape (batch, tokens, width).
    value, out
        `value` keeps `width`; `out` is (dim, width).
    name, heads
        As of `fixed_scores`.

    Returns
    -------
    gathered
        Shape (batch, dim). Not quantised in an int8 graph: it is little work.
    """
    width = len(value.weight)
    average = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), tokens)
    by_head = value.weight.reshape(heads, -1, width).transpose(0, 2, 1)
    held = _per_head(graph, average, by_head, f"{name}.value", whole=True)
    bias = out.bias
    if value.bias is not None:
        shift = out.weight.astype(np.float64) @ value.bias
        bias = (shift if bias is None else shift + bias).astype(np.float32)
    return linear(graph, held, Linear(out.weight, bias), f"{name}.out", exact=True)


def _per_head(graph: Graph, x: Value, matrices: Array, name: str, *, whole: bool) -> Value:
    """Multiply head by head, the pictures of a batch together, so that no matrix is read twice.

    `whole` makes (batch, heads, width) into (batch, heads * d); otherwise the other way round.
    `matrices` is (heads, in, out).
    """
    heads, _, outputs = matrices.shape
    if not whole:
        x = graph.add("Reshape", x, graph.integers([0, heads, -1]))
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    x = graph.add("MatMul", x, graph.weight(matrices, name))
    x = graph.add("Transpose", x, perm=[1, 0, 2])
    return graph.add("Reshape", x, graph.integers([0, heads * outputs])) if whole else x
