"""A training step of a small vision transformer in PyTorch, of `transformers`, with scaled_dot_product_attention."""

import os
from time import perf_counter

import numpy as np
import torch
from peer import Service
from transformers import ViTConfig, ViTForImageClassification

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


class Training(Service):
    """Holds model, optimiser and one batch; `run` makes a step: forward, backward, clipping and AdamW."""

    def load(self, folder, pixels, targets, side, batch, model, training):
        """model.safetensors in a folder; pixels [batch, side, side] and smoothed labels [batch, classes] as float32."""
        config = ViTConfig(
            hidden_size=model["width"],
            num_hidden_layers=model["depth"],
            num_attention_heads=model["heads"],
            intermediate_size=model["hidden"],
            layer_norm_eps=model["epsilon"],
            image_size=side,
            patch_size=model["patch"],
            num_channels=1,
            num_labels=model["classes"],
            attn_implementation="sdpa",
        )
        self.model = ViTForImageClassification.from_pretrained(folder, config=config).train()
        self.pixels = torch.from_numpy(np.fromfile(pixels, dtype="<f4")).view(batch, 1, side, side)
        self.targets = torch.from_numpy(np.fromfile(targets, dtype="<f4")).view(batch, -1)
        self.clip = training["clip"]
        betas = (training["beta1"], training["beta2"])
        self.optimiser = torch.optim.AdamW(self.model.parameters(), betas=betas, weight_decay=training["decay"])
        return {}

    def run(self, rate=0.0):
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        start = perf_counter()
        self.optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.model(pixel_values=self.pixels).logits, self.targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimiser.step()
        return {"time": 1000 * (perf_counter() - start), "loss": loss.item(), "norm": norm.item()}


Training({}).serve()
