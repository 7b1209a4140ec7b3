"""The lazy set of docs/algorithms.md, section 7, in numpy: scores against the Gram of a part of the rows, cheap bounds first.

The same algorithm as src/universal-set/lazy.ts, with two liberties that make it faster: float32 has a fixed margin instead of a proved
one, and the bounds come from an eigendecomposition that is taken to be exact.
"""

import numpy as np

BLOCK_ROWS = 2048
GROUP_ROWS = 32
SAMPLE_ROWS = 1024
MARGIN = 1e-3
WORTH_MORE = 0.4
# Directions that a bound may treat by themselves, for each end of the spectrum.
DIRECTIONS = (2, 4, 8, 16)


def gram_of(rows):
    """K^T K in float64, in blocks that stay in the cache."""
    gram = np.zeros((rows.shape[1],) * 2)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS].astype(np.float64, copy=False)
        gram += block.T @ block
    return gram


def whitener_of(gram):
    """L^-T, so that the rows of K L^-T have the scores as their squared lengths."""
    return np.linalg.inv(np.linalg.cholesky(gram)).T


def scores_of(rows, whitener):
    whitened = rows @ whitener
    return np.vecdot(whitened, whitened)


def lazy_set(keys, epsilon):
    """Indices of at most about d/epsilon rows, ascending, all rows of score >= epsilon among them."""
    n, d = keys.shape
    if not (n > 16 * d / epsilon and epsilon <= 0.5):
        whitener = whitener_of(gram_of(keys))
        return filtered(keys, lambda block: scores_of(block.astype(np.float64), whitener), epsilon)
    groups = spread_groups(n, min(8 * d / epsilon, n / 4))
    whole = keys[: n - n % GROUP_ROWS].reshape(-1, GROUP_ROWS * d)
    first, second = groups[::2], groups[1::2]
    gram = gram_of(whole[first].reshape(-1, d))
    sample = keys[:: max(1, n // SAMPLE_ROWS)]
    # Many long rows cost more as candidates than the second half of the part.
    share = np.mean(sample.astype(np.float64) ** 2 @ (1 / np.diag(gram)) >= epsilon)
    if n * share > WORTH_MORE * len(second) * GROUP_ROWS:
        gram += gram_of(whole[second].reshape(-1, d))
    else:
        groups = first
    whitener = whitener_of(gram)
    bound = cheapest_bound(gram, whitener, sample, epsilon)
    candidates = filtered(keys, bound, epsilon * (1 - MARGIN))
    rows = keys[candidates].astype(np.float64)
    heavy = scores_of(rows, whitener) >= epsilon
    candidates, rows = candidates[heavy], rows[heavy]
    added = ~np.isin(candidates // GROUP_ROWS, groups)
    if added.any():
        whitener = whitener_of(gram + gram_of(rows[added]))
    return candidates[scores_of(rows, whitener) >= epsilon]


def spread_groups(n, count):
    """One group of rows at a drawn place in each of as many equal stretches of the rows."""
    edges = np.linspace(0, n // GROUP_ROWS, int(-(-count // GROUP_ROWS)) + 1).astype(int)
    return np.random.default_rng(0).integers(edges[:-1], edges[1:])


def filtered(keys, bound, threshold):
    """Rows whose bound reaches the threshold, in blocks that stay in the cache."""
    found = [
        start + np.nonzero(bound(keys[start : start + BLOCK_ROWS]) >= threshold)[0]
        for start in range(0, len(keys), BLOCK_ROWS)
    ]
    return np.concatenate(found)


def cheapest_bound(gram, whitener, sample, epsilon):
    """The bound of least cost a row: its own price, and that of scoring in float64 what it leaves of the sample."""
    d = len(gram)
    best, least = None, np.inf
    for price, bound in bounds_by_price(gram, whitener):
        if price >= least:
            break
        left = np.count_nonzero(bound(sample) >= epsilon * (1 - MARGIN)) / len(sample)
        cost = price + left * (d + 0.08 * d * d)
        if cost < least:
            best, least = bound, cost
    return best


def bounds_by_price(gram, whitener):
    """Prices in units of nanoseconds a row, measured at d = 64; only their ratios matter, and only to speed."""
    d = len(gram)
    smallest = np.float32(np.linalg.eigvalsh(gram)[0])
    yield 0.3 * d, lambda rows: np.vecdot(rows, rows) / smallest
    scale = 1 / np.sqrt(np.diag(gram))
    values, vectors = np.linalg.eigh(scale[:, None] * gram * scale)
    yield 0.6 * d, spectral_bound(scale, values, vectors, 0, 0)
    for count in DIRECTIONS:
        if count < d // 2:
            for low, high in ((0, count), (count, 0)):
                yield d * (1.1 + 0.02 * count), spectral_bound(scale, values, vectors, low, high)
    single = whitener.astype(np.float32)
    yield d * (1.5 + 0.03 * d), lambda rows: scores_of(rows, single)


def spectral_bound(scale, values, vectors, low, high):
    """|y|^2/w + sum (v_c.y)^2 (1/w_c - 1/w) over the `low` smallest and `high` largest w_c, y the scaled row, w the smallest of the rest."""
    rest = values[low]
    chosen = [*range(low), *range(len(values) - high, len(values))]
    weights = (1 / values[chosen] - 1 / rest).astype(np.float32)
    projection = (scale[:, None] * vectors[:, chosen]).astype(np.float32)
    squares = (scale**2 / rest).astype(np.float32)
    buffer = np.empty((BLOCK_ROWS, len(scale)), np.float32)

    def bound(rows):
        bounds = np.multiply(rows, rows, out=buffer[: len(rows)]) @ squares
        if chosen:
            products = rows @ projection
            bounds += np.multiply(products, products, out=products) @ weights
        return bounds

    return bound
