"""Leverage scores and exact universal sets in numpy, as people write them. One line of JSON in, one line of JSON out.

tau_j = k_j^T (K^T K)^-1 k_j = |L^-1 k_j|^2 with the Gram matrix K^T K = L L^T, and the set { j : tau_j >= epsilon }.
"""

import json
import platform
import sys
from time import perf_counter

import numpy as np
import scipy
from scipy.linalg import solve_triangular
from threadpoolctl import threadpool_info


def inverse(keys):
    lower = np.linalg.cholesky(keys.T @ keys)
    whitened = keys @ np.linalg.inv(lower).T
    return np.einsum("ij,ij->i", whitened, whitened)


def triangular(keys):
    lower = np.linalg.cholesky(keys.T @ keys)
    whitened = solve_triangular(lower, keys.T, lower=True, check_finite=False)
    return np.einsum("ij,ij->j", whitened, whitened)


def blocks(keys, rows=2048):
    """In float64 whatever the keys are, in blocks of rows that stay in the cache: not what people write, but faster."""
    n, d = keys.shape
    gram = np.zeros((d, d))
    for start in range(0, n, rows):
        block = keys[start : start + rows].astype(np.float64, copy=False)
        gram += block.T @ block
    whitener = np.linalg.inv(np.linalg.cholesky(gram)).T
    scores = np.empty(n)
    for start in range(0, n, rows):
        whitened = keys[start : start + rows].astype(np.float64, copy=False) @ whitener
        np.einsum("ij,ij->i", whitened, whitened, out=scores[start : start + rows])
    return scores


FORMS = {"inverse": inverse, "triangular solve": triangular, "blocks": blocks}


class Peer:
    def __init__(self):
        self.keys = {}
        self.scores = self.indices = None

    def versions(self):
        return {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "blas": [
                f"{pool['internal_api']} {pool['version']} ({pool.get('architecture')} kernels, threads used: {pool['num_threads']})"
                for pool in threadpool_info()
                if pool["user_api"] == "blas"
            ],
        }

    def load(self, path, d):
        """Keys in float32, or None to let go of all that is held."""
        self.keys = {} if path is None else {"float32": np.fromfile(path, dtype="<f4").reshape(-1, d)}
        self.scores = self.indices = None
        return {}

    def run(self, form, keys, epsilon):
        """`keys`: float32, float64 (converted before the clock starts) or cast (converted while it runs)."""
        matrix = self.keys["float32"]
        if keys == "float64":
            matrix = self.keys.setdefault("float64", None)
            if matrix is None:
                matrix = self.keys["float64"] = self.keys["float32"].astype(np.float64)
        start = perf_counter()
        if keys == "cast":
            matrix = matrix.astype(np.float64)
        self.scores = FORMS[form](matrix)
        scored = perf_counter()
        self.indices = np.nonzero(self.scores >= epsilon)[0]
        done = perf_counter()
        return {"scores": 1000 * (scored - start), "set": 1000 * (done - start)}

    def result(self, path):
        self.scores.astype("<f8").tofile(path)
        return {"indices": self.indices.tolist()}

    def peak(self, form, keys, epsilon):
        """Bytes that a run needs beside the keys, at most (Linux)."""
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = status("VmRSS")
        self.run(form, keys, epsilon)
        return {"bytes": status("VmHWM") - before}


def status(name):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = getattr(peer, request.pop("call"))(**request)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
