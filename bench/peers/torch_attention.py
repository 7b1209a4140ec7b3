"""Exact attention in PyTorch: scaled_dot_product_attention, its fused kernel or the plain one, and its gradients by autograd."""

import os
from time import perf_counter

import numpy as np
import torch
from peer import Service
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

FORMS = {"fused": SDPBackend.FLASH_ATTENTION, "plain": SDPBackend.MATH}


class Attention(Service):
    """Holds the float32 tensors of a case; `run` computes the output, or also the gradients of its inner product with dOut."""

    def load(self, path, heads, queries, keys, columns):
        """q and dOut [1, heads, queries, columns], k and v [1, heads, keys, columns], one after the other in a file."""
        counts = (queries, keys, keys, queries)
        rows = torch.from_numpy(np.fromfile(path, dtype="<f4")).split([heads * count * columns for count in counts])
        q, k, v, self.d_out = (part.view(1, heads, count, columns) for part, count in zip(rows, counts, strict=True))
        self.inputs = (q, k, v)
        self.results = ()
        return {}

    def run(self, form, backward, queries):
        """`queries`: the first of them alone."""
        self.results = ()
        q, k, v = (tensor.detach().requires_grad_(backward) for tensor in self.inputs)
        start = perf_counter()
        with sdpa_kernel(FORMS[form]), torch.set_grad_enabled(backward):
            out = scaled_dot_product_attention(q[:, :, :queries], k, v)
            self.results = (out.detach(),)
            if backward:
                self.results += torch.autograd.grad(out, (q, k, v), self.d_out[:, :, :queries])
        return {"time": 1000 * (perf_counter() - start)}

    def result(self, path):
        """out, and where there are any dq, dk and dv, one after the other in a file."""
        np.concatenate([each.contiguous().view(-1).numpy() for each in self.results]).astype("<f4").tofile(path)
        return {}


Attention({}).serve()
