"""A training step of a small vision transformer in PyTorch, on one thread: python vit_torch.py SIDE BATCH STEPS.

Prints the median milliseconds of processor time an image, for forward, backward, clipping and AdamW.
"""

import sys
import time

import torch
from transformers import ViTConfig, ViTForImageClassification


def main(side, batch, steps):
    torch.set_num_threads(1)
    config = ViTConfig(
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=256,
        image_size=side,
        patch_size=2,
        num_channels=1,
        num_labels=10,
        attn_implementation="sdpa",
    )
    model = ViTForImageClassification(config).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    images, labels = torch.randn(batch, 1, side, side), torch.randint(0, 10, (batch,))
    times = []
    for _ in range(steps):
        start = time.process_time()
        optimiser.zero_grad()
        logits = model(pixel_values=images).logits
        torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        times.append(time.process_time() - start)
    print(1000 * sorted(times[2:])[(steps - 2) // 2] / batch)


main(*map(int, sys.argv[1:]))
