"""Plain NumPy twins of the kernels, written from the formulas and not from the loops."""

import numpy as np
from sightline_kernels.foreground import OUTLINE_WEIGHT


def oklab(pixels):
    level = pixels / 255.0
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    to_cone = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.cbrt(linear @ np.transpose(to_cone)) @ np.transpose(to_lab)


def foreground(lab, *, same, plain_rim, least):
    """One picture (side, side, 3) -> its mask and box, by fixed-point dilation."""
    side = len(lab)
    # The kernel tries every third pixel of the rim, going round all four edges at once.
    edges = [lab[0, :-1], lab[-1, 1:], lab[1:, 0], lab[:-1, -1]]
    rim = np.stack(edges, axis=1).reshape(-1, 3).astype(np.float64)
    alike = np.linalg.norm(rim[::3, None] - rim[None], axis=-1) < same
    winner = alike.sum(axis=1).argmax()
    mask = np.ones((side, side), np.uint8)
    if alike[winner].mean() >= plain_rim:
        color = rim[alike[winner]].mean(axis=0)
        backdrop_like = np.linalg.norm(lab - color, axis=-1) < same
        flooded = np.pad(np.zeros((side - 2, side - 2), bool), 1, constant_values=True)
        flooded &= backdrop_like
        while True:
            grown = flooded.copy()
            grown[1:] |= flooded[:-1]
            grown[:-1] |= flooded[1:]
            grown[:, 1:] |= flooded[:, :-1]
            grown[:, :-1] |= flooded[:, 1:]
            grown &= backdrop_like
            if (grown == flooded).all():
                break
            flooded = grown
        mask[flooded] = 0
    if mask.sum() < least * side * side:
        mask[:] = 1
    lines = [np.flatnonzero(mask.sum(axis=axis) * max(100, side) >= mask.sum()) for axis in (1, 0)]
    box = [lines[0][0], lines[1][0], lines[0][-1] + 1, lines[1][-1] + 1]
    inner = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    mask[1:-1, 1:-1] += inner
    return mask, box


def tents(position, count, *, circular=False):
    """Membership of positions in bins at 0, 1, ...: 1 at a bin's centre, 0 from the next one on."""
    distance = np.abs(position[..., None] - np.arange(count))
    if circular:
        distance = np.minimum(distance, count - distance)
    return np.clip(1 - distance, 0, 1)


def _ramp(values, low, high):
    return np.clip((values - low) / (high - low), 0, 1)


def palette(lab, mask, k):
    """One picture; `k` is the module with the kernel's constants."""
    weight = np.choose(mask, [0, OUTLINE_WEIGHT, 1]).ravel()
    lightness, a, b = lab.reshape(-1, 3).astype(np.float64).T
    chroma = np.hypot(a, b)
    tinted = _ramp(chroma, k.NEUTRAL, k.MUTED)
    vivid = _ramp(chroma, k.MUTED, k.VIVID)
    greys = tents(np.clip(lightness, 0, 1) * (k.GREYS - 1), k.GREYS)
    hues = tents((np.arctan2(b, a) / (2 * np.pi) + 0.5) % 1 * k.HUES, k.HUES, circular=True)
    shades = tents(_ramp(lightness, k.DARK, k.LIGHT) * (k.SHADES - 1), k.SHADES)
    tints = (hues[:, :, None] * shades[:, None, :]).reshape(len(weight), -1)
    bins = np.hstack(
        [
            greys * (1 - tinted)[:, None],
            tints * (tinted * (1 - vivid))[:, None],
            tints * (tinted * vivid)[:, None],
        ]
    )
    return weight @ bins / weight.sum()


def _cells(box, grid):
    """Cell of each pixel of a box, by rows."""
    top, left, bottom, right = box
    rows = np.arange(bottom - top) * grid // (bottom - top)
    columns = np.arange(right - left) * grid // (right - left)
    return rows[:, None] * grid + columns[None, :]


def layout(lab, mask, box, grid):
    top, left, bottom, right = box
    cells = _cells(box, grid)
    inside = mask[top:bottom, left:right] > 0
    values = (lab[top:bottom, left:right] - [0.5, 0, 0]) * [1, 2, 2] * inside[..., None]
    means = [
        values[cells == cell].sum(axis=0) / max((cells == cell).sum(), 1) for cell in range(grid**2)
    ]
    return np.ravel(means)


def silhouette(mask, box, grid):
    top, left, bottom, right = box
    cells = _cells(box, grid)
    signs = np.where(mask[top:bottom, left:right] > 0, 1.0, -1.0)
    return [signs[cells == cell].mean() if (cells == cell).any() else 0 for cell in range(grid**2)]


def _steepest(lab):
    """Central differences of the channel that changes most, for all inner pixels."""
    down = lab[2:, 1:-1].astype(np.float64) - lab[:-2, 1:-1]
    across = lab[1:-1, 2:].astype(np.float64) - lab[1:-1, :-2]
    channel = (down**2 + across**2).argmax(axis=-1)[..., None]
    down = np.take_along_axis(down, channel, -1)[..., 0]
    across = np.take_along_axis(across, channel, -1)[..., 0]
    return np.hypot(down, across), np.arctan2(down, across) / np.pi % 1


def edges(lab, box, k):
    top, left, bottom, right = box
    magnitude, turn = _steepest(lab)
    magnitude = np.where(magnitude > k.LEAST_STEP, magnitude, 0)
    y, x = np.arange(1, len(lab) - 1), np.arange(1, len(lab) - 1)
    near = ((y >= top - 1) & (y <= bottom))[:, None] & ((x >= left - 1) & (x <= right))[None]
    height, width = (bottom - top) / k.GRID, (right - left) / k.GRID
    rows = tents(np.clip((y - top + 0.5) / height - 0.5, 0, k.GRID - 1), k.GRID)
    columns = tents(np.clip((x - left + 0.5) / width - 0.5, 0, k.GRID - 1), k.GRID)
    bearings = tents(turn * k.DIRECTIONS, k.DIRECTIONS, circular=True)
    strength = magnitude * near / (height * width)
    return np.einsum("yx,yr,xc,yxd->rcd", strength, rows, columns, bearings).ravel()


def texture(lab, inside, k):
    """One picture at one scale -> mean strength of directions, shares of codes."""
    side = len(lab)
    shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    shifted = {
        (dy, dx): (
            inside[1 + dy : side - 1 + dy, 1 + dx : side - 1 + dx],
            lab[1 + dy : side - 1 + dy, 1 + dx : side - 1 + dx, 0],
        )
        for dy, dx in shifts
    }
    surface = np.all([part[0] for part in shifted.values()], axis=0)
    magnitude, turn = _steepest(lab)
    magnitude = np.where(surface & (magnitude > k.FLAT), magnitude, 0)
    bearings = tents(turn * k.DIRECTIONS, k.DIRECTIONS, circular=True)
    directions = np.einsum("yx,yxd->d", magnitude, bearings)

    circle = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    limit = shifted[0, 0][1] + np.float64(k.FLAT)
    bits = np.stack([shifted[step][1] > limit for step in circle])
    runs = (bits != np.roll(bits, 1, axis=0)).sum(axis=0)
    code = np.where(runs <= 2, bits.sum(axis=0), k.CODES - 1)
    counts = np.bincount(code[surface], minlength=k.CODES)
    seen = max(surface.sum(), 1)
    return directions / seen, counts / seen


def color_shares(lab, mask, prototypes, names, count, k):
    stretch = [1, k.CHROMA_STRETCH, k.CHROMA_STRETCH]
    distance = (((lab.reshape(-1, 1, 3) - prototypes) * stretch) ** 2).sum(axis=-1)
    name = np.asarray(names)[distance.argmin(axis=1)]
    weight = np.choose(mask, [0, OUTLINE_WEIGHT, 1]).ravel()
    return np.bincount(name, weight, minlength=count) / weight.sum()


def appearance(pixels, lab, mask, k):
    lightness = lab[..., 0].astype(np.float64)
    red, green, blue = pixels[mask > 0].astype(np.float64).T
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = np.hypot(red_green.std(), yellow_blue.std())
    offset = np.hypot(red_green.mean(), yellow_blue.mean())
    middle = lightness[1:-1, 1:-1]
    up, down = lightness[:-2, 1:-1], lightness[2:, 1:-1]
    left, right = lightness[1:-1, :-2], lightness[1:-1, 2:]
    laplacian = up + down + left + right - 4 * middle
    return [
        lightness[mask > 0].mean(),
        lightness[mask > 0].std(),
        spread + 0.3 * offset,
        laplacian.var(),
        (np.hypot(down - up, right - left) > k.VISIBLE_EDGE).mean(),
    ]


def to_bytes(vectors):
    scales = np.abs(vectors).max(axis=1, initial=0) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None])
    errors = np.linalg.norm(vectors - codes * scales[:, None], axis=1)
    return codes, scales, errors


def cooccurrence(user_offsets, item_rows, weights, n_items, k, shrinkage):
    matrix = np.zeros((len(user_offsets) - 1, n_items))
    for user in range(len(matrix)):
        span = slice(user_offsets[user], user_offsets[user + 1])
        matrix[user, item_rows[span]] = weights[span]
    lengths = np.linalg.norm(matrix, axis=0)
    norms = np.outer(lengths, lengths) + shrinkage
    scores = np.divide(matrix.T @ matrix, norms, out=np.zeros_like(norms), where=norms > 0)
    np.fill_diagonal(scores, 0)
    scores = scores.astype(np.float32)
    neighbours = np.full((n_items, k), -1)
    best = np.zeros((n_items, k), np.float32)
    for item in range(n_items):
        order = np.argsort(-scores[item], kind="stable")
        order = order[scores[item, order] > 0][:k]
        neighbours[item, : len(order)] = order
        best[item, : len(order)] = scores[item, order]
    return neighbours, best


def item_products(user_offsets, item_rows, weights, n_items, nearness=(1.0,)):
    """X'KX user by user, K a matrix over the order of the user's entries."""
    total = np.zeros((n_items, n_items))
    for user in range(len(user_offsets) - 1):
        span = slice(user_offsets[user], user_offsets[user + 1])
        row = np.zeros((span.stop - span.start, n_items))
        row[np.arange(len(row)), item_rows[span]] = weights[span]
        apart = np.abs(np.subtract.outer(np.arange(len(row)), np.arange(len(row))))
        total += row.T @ np.asarray(nearness)[np.minimum(apart, len(nearness) - 1)] @ row
    return total


def solve_rows(offsets, columns, strengths, others, base):
    """The normal equations of every row, whatever its length."""
    others = others.astype(np.float64)
    factors = np.zeros((len(offsets) - 1, others.shape[1]))
    for row in range(len(factors)):
        span = slice(offsets[row], offsets[row + 1])
        vectors, weights = others[columns[span]], np.diag(strengths[span].astype(np.float64))
        left = np.diag(base.astype(np.float64)) + vectors.T @ weights @ vectors
        factors[row] = np.linalg.solve(left, vectors.T @ weights.sum(axis=1))
    return factors


def lambda_gradient(values, offsets, relevant, ideals, weights, k):
    """Every pair of every list by itself: Burges, Ragno & Le (2006), scores linear."""
    gradients = np.zeros((len(offsets) - 1, values.shape[1]))
    for which in range(len(gradients)):
        span = slice(offsets[which], offsets[which + 1])
        rows, wanted = values[span].astype(np.float64), relevant[span]
        scores = rows @ weights
        ranks = np.empty(len(rows), np.int64)
        ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(rows) + 1)
        gains = np.where(ranks <= k, 1 / np.log2(1 + ranks), 0)
        for better in np.flatnonzero(wanted):
            for worse in np.flatnonzero(~wanted):
                change = abs(gains[better] - gains[worse]) / ideals[which]
                pull = change / (1 + np.exp(scores[better] - scores[worse]))
                gradients[which] += pull * (rows[worse] - rows[better])
    return gradients


def _antialiasing(length, start, stop, count, resample):
    """Every output place's weight of every pixel, shape (count, length): the stretched filter."""
    reach, curve = {
        "bilinear": (1, lambda x: 1 - x),
        "bicubic": (
            2,
            lambda x: np.where(
                x < 1, 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
            ),
        ),
        "lanczos": (3, lambda x: np.sinc(x) * np.sinc(x / 3)),
    }[resample]
    scale = (stop - start) / count
    stretch = max(scale, 1)
    centers = start + (np.arange(count)[:, None] + 0.5) * scale
    distances = np.abs(np.arange(length) + 0.5 - centers) / stretch
    weights = np.where(distances < reach, curve(distances), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def resized(pixels, size, box, resample):
    """One picture (h, w, 3) -> levels (3, height, width), float64 and not rounded."""
    (width, height), (left, top, right, bottom) = size, np.array(box, np.float32).astype(float)
    across = _antialiasing(pixels.shape[1], left, right, width, resample)
    down = _antialiasing(pixels.shape[0], top, bottom, height, resample)
    return np.clip(np.einsum("yh,hwc,xw->cyx", down, pixels.astype(float), across), 0, 255)


def walk(neighbours, entries, vectors, query, allowed, k, *, width, starts, most_scored):
    """Best-first through a graph: the `k` best of the `width` best allowed rows it came by."""
    scores = vectors.astype(np.float64) @ query
    beginning = sorted(entries, key=lambda row: (-scores[row], row))[:starts]
    seen, waiting, kept, scored = set(beginning), [], [], len(entries)
    fresh = beginning
    while True:
        for row in fresh:
            if len(kept) == width and scores[row] <= min(scores[kept]):
                continue
            waiting.append(row)
            if allowed[row]:
                kept = sorted([*kept, row], key=lambda row: -scores[row])[:width]
        waiting.sort(key=lambda row: scores[row])
        if not waiting or (len(kept) == width and scores[waiting[-1]] < min(scores[kept])):
            break
        ahead = neighbours[waiting.pop()]
        fresh = [row for row in ahead[ahead >= 0].tolist() if row not in seen]
        seen.update(fresh)
        scored += len(fresh)
        if scored > most_scored:
            return []
    return sorted(kept, key=lambda row: (-np.float32(scores[row]), row))[:k]
