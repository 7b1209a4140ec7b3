"""Fashion-MNIST's 60,000 training images in their 64 leading principal components: python fashion_mnist.py IMAGES OUT.

IMAGES is train-images-idx3-ubyte.gz; OUT gets the centred images' coordinates, [60000, 64] float32. Some seconds.
"""

import gzip
import sys

import numpy as np

COMPONENTS = 64


def main(images, out):
    with gzip.open(images) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28 * 28) / 255
    centred = pixels - pixels.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    (centred @ vectors[:, : -COMPONENTS - 1 : -1]).astype("<f4").tofile(out)


main(*sys.argv[1:])
