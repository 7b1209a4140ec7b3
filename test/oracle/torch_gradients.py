"""Writes torch-gradients.json: attention and its gradients by the automatic differentiation of PyTorch, in float64.

python -m venv /tmp/torch && /tmp/torch/bin/pip install torch && /tmp/torch/bin/python test/oracle/torch_gradients.py
"""

import json
import math
import pathlib

import torch

BATCHES, HEADS, KEY_HEADS, M, N, D, DV = 1, 4, 2, 3, 5, 2, 3
torch.manual_seed(4)
q, k, v, dout = (
    torch.randn(shape, dtype=torch.float64)
    for shape in [(BATCHES, HEADS, M, D), (BATCHES, KEY_HEADS, N, D), (BATCHES, KEY_HEADS, N, DV), (BATCHES, HEADS, M, DV)]
)
log_weights = torch.randn((KEY_HEADS, N), dtype=torch.float64)
added = torch.randn((HEADS, M, N), dtype=torch.float64)
added[torch.rand(added.shape) < 0.2] = -math.inf
visible = torch.rand((M, N)) < 0.6
visible[1] = False


def over_pairs(q, k, v, log_weights, case):
    """Keys of the same number in `members` are stored together: means weighted by exp of log-weights, keys with their signs."""
    members = torch.tensor(case["members"])
    pairs = int(members.max()) + 1
    signs = torch.tensor(case.get("signs", [1] * N), dtype=torch.float64)
    weights = log_weights if case.get("logWeights") else torch.zeros_like(log_weights)
    weights = weights[:, None, :].masked_fill(members != torch.arange(pairs)[:, None], -math.inf)
    shares = torch.softmax(weights, dim=-1)
    keys, values = shares @ (signs[:, None] * k), shares @ v
    last = [max(j for j in range(N) if members[j] == pair) for pair in range(pairs)]
    sums = {**case, "last": last, "logWeights": True}
    return attention(q, keys, values, torch.logsumexp(weights, dim=-1), sums)


def attention(q, k, v, log_weights, case):
    if "members" in case and "last" not in case:
        return over_pairs(q, k, v, log_weights, case)
    k, v = (x.repeat_interleave(HEADS // KEY_HEADS, dim=1) for x in (k, v))
    products = q @ k.transpose(-1, -2)
    if "p" in case:
        logits = case["p"] * products.abs().log()
    else:
        logits = products * case.get("scale", 1 / math.sqrt(D))
    if case.get("logWeights"):
        logits = logits + log_weights.repeat_interleave(HEADS // KEY_HEADS, dim=0)[:, None, :]
    seen = torch.ones((M, N), dtype=torch.bool)
    if case.get("causal"):
        seen = seen.tril(N - M)
    seen = seen[:, case.get("last", list(range(N)))]
    if case.get("mask") == "visible":
        seen = seen & visible
    if case.get("mask") == "added":
        logits = logits + added
    if "keys" in case:
        kept = torch.zeros(N, dtype=torch.bool)
        kept[case["keys"]] = True
        seen = seen & kept
    logits = logits.masked_fill(~seen, -math.inf)
    hidden = (logits == -math.inf).all(dim=-1, keepdim=True)
    return torch.softmax(logits.masked_fill(hidden, 0), dim=-1).masked_fill(hidden, 0) @ v


CASES = [
    {},
    {"scale": 2.5},
    {"causal": True},
    {"mask": "visible"},
    {"mask": "added", "causal": True},
    {"logWeights": True},
    {"p": 1},
    {"p": 2, "causal": True},
    {"p": 3.5, "logWeights": True},
    {"p": 4, "mask": "added"},
    {"keys": [0, 2, 3], "causal": True, "logWeights": True},
    {"keys": [1, 4], "p": 2},
    {"members": [0, 1, 0, 1, 1], "logWeights": True},
    {"members": [0, 0, 1, 2, 2], "logWeights": True, "causal": True},
    {"members": [0, 1, 0, 1, 1], "signs": [1, -1, -1, 1, 1], "p": 3, "logWeights": True},
    {"members": [0, 0, 0, 1, 1], "signs": [1, 1, -1, -1, 1], "p": 2},
]


def gradients(case):
    leaves = [x.clone().requires_grad_() for x in (q, k, v, log_weights)]
    out = attention(*leaves, case)
    found = torch.autograd.grad(out, leaves, dout, allow_unused=True)
    names = ["dq", "dk", "dv", "dLogWeights"]
    return {"out": out} | {name: x for name, x in zip(names, found) if x is not None}


def plain(x):
    return {"shape": list(x.shape), "data": [None if y == -math.inf else y for y in x.flatten().tolist()]}


tensors = {"q": q, "k": k, "v": v, "dOut": dout, "logWeights": log_weights, "added": added, "visible": visible}
result = {
    "torch": torch.__version__.split("+")[0],
    "tensors": {name: plain(x.detach().to(torch.float64)) for name, x in tensors.items()},
    "cases": [{"options": case, **{name: plain(x.detach()) for name, x in gradients(case).items()}} for case in CASES],
}
path = pathlib.Path(__file__).with_name("torch-gradients.json")
path.write_text(json.dumps(result) + "\n")
