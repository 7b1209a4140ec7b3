"""Leverage scores and exact universal sets in numpy, as people write them, and the lazy set in numpy as well as one can.

tau_j = k_j^T (K^T K)^-1 k_j = |L^-1 k_j|^2 with the Gram matrix K^T K = L L^T, and the set { j : tau_j >= epsilon }.
"""

import numpy as np
import scipy
from lazy_set import BLOCK_ROWS, gram_of, lazy_set, whitener_of
from peer import Peer
from scipy.linalg import solve_triangular
from threadpoolctl import threadpool_info


def with_set(scores_of):
    """A form from a function of the keys that gives all scores."""

    def form(keys, epsilon):
        scores = scores_of(keys)
        return scores, np.nonzero(scores >= epsilon)[0]

    return form


def inverse(keys):
    lower = np.linalg.cholesky(keys.T @ keys)
    whitened = keys @ np.linalg.inv(lower).T
    return np.einsum("ij,ij->i", whitened, whitened)


def triangular(keys):
    lower = np.linalg.cholesky(keys.T @ keys)
    whitened = solve_triangular(lower, keys.T, lower=True, check_finite=False)
    return np.einsum("ij,ij->j", whitened, whitened)


def blocks(keys):
    """In float64 whatever the keys are, in blocks of rows that stay in the cache: not what people write, but faster."""
    whitener = whitener_of(gram_of(keys))
    scores = np.empty(len(keys))
    for start in range(0, len(keys), BLOCK_ROWS):
        whitened = keys[start : start + BLOCK_ROWS].astype(np.float64, copy=False) @ whitener
        np.einsum("ij,ij->i", whitened, whitened, out=scores[start : start + BLOCK_ROWS])
    return scores


def lazy(keys, epsilon):
    return None, lazy_set(keys, epsilon)


def gram(keys, epsilon):
    """The Gram alone, no set."""
    gram_of(keys)
    return None, []


FORMS = {
    "inverse": with_set(inverse),
    "triangular solve": with_set(triangular),
    "blocks": with_set(blocks),
    "lazy": lazy,
    "the Gram alone": gram,
}

BLAS = [
    f"{pool['internal_api']} {pool['version']} ({pool.get('architecture')} kernels, threads used: {pool['num_threads']})"
    for pool in threadpool_info()
    if pool["user_api"] == "blas"
]

Peer(FORMS, {"numpy": np.__version__, "scipy": scipy.__version__, "blas": BLAS}).serve()
