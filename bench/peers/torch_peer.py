"""Leverage scores in PyTorch as people write them: thin QR, squared row norms of Q, the largest of them by topk.

The set has at most d/epsilon keys, so that many are asked for.
"""

import os
import re

import torch
from peer import Peer

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def qr_topk(keys, epsilon):
    matrix = torch.from_numpy(keys)
    n, d = matrix.shape
    with torch.inference_mode():
        scores = torch.linalg.qr(matrix, mode="reduced").Q.square().sum(dim=1)
        top = torch.topk(scores, min(n, int(d / epsilon)))
    return scores.numpy(), top.indices[top.values >= epsilon].sort().values.numpy()


MKL = re.search(r"Math Kernel Library Version (\S+)", torch.__config__.show())
BLAS = [f"{f'MKL {MKL[1]}' if MKL else 'no MKL'} (threads used: {torch.get_num_threads()}, on the processor)"]

Peer({"QR, topk": qr_topk}, {"torch": torch.__version__, "blas": BLAS}).serve()
