/** From images to tokens: patches through a linear layer, the class token before them, positions added. */
import type { Dense } from '../kernels/dense.js';
import type { Floats } from '../keys.js';
import { patchSize, tokensOf, type VitShape } from './config.js';
import { linearBackward } from './linear.js';
import type { VitParameters } from './parameters.js';

/** Patches [B (n - 1), C P P] of images [B, C, height, width]. */
export function cutPatches(shape: VitShape, images: Floats, patches: Floats): void {
  const { image, channels, patch } = shape;
  const [height, width] = image;
  const count = images.length / (channels * height * width);
  let at = 0;
  for (let b = 0; b < count; b++)
    for (let y = 0; y < height; y += patch)
      for (let x = 0; x < width; x += patch)
        for (let c = 0; c < channels; c++)
          for (let row = 0; row < patch; row++) {
            const from = ((b * channels + c) * height + y + row) * width + x;
            for (let i = 0; i < patch; i++) patches[at++] = images[from + i];
          }
}

/** tokens [B n, D]: the class token and W p + b of each patch, plus positions. */
export function embed(
  dense: Dense,
  shape: VitShape,
  { patches: { weight, bias }, classToken, positions }: VitParameters,
  patches: Floats,
  tokens: Floats,
): void {
  const { width } = shape;
  const n = tokensOf(shape);
  const depth = patchSize(shape);
  for (let at = 0, from = 0; at < tokens.length; at += n * width, from += (n - 1) * depth) {
    const ofImage = tokens.subarray(at, at + n * width); // [n, D]
    const ofPatches = ofImage.subarray(width);
    ofImage.set(positions);
    dense.addRow(classToken, ofImage.subarray(0, width));
    dense.addRow(bias, ofPatches);
    dense.matmul({
      a: patches.subarray(from),
      b: weight,
      c: ofPatches,
      m: n - 1,
      n: width,
      depth,
      transposedB: true,
      accumulate: true,
    });
  }
}

/** Adds to the gradients of class token, patches and positions from that of the tokens. */
export function embedBackward(
  dense: Dense,
  shape: VitShape,
  parameters: VitParameters,
  gradients: VitParameters,
  patches: Floats,
  dTokens: Floats,
): void {
  const { width } = shape;
  const n = tokensOf(shape);
  const size = (n - 1) * patchSize(shape);
  for (let at = 0, from = 0; at < dTokens.length; at += n * width, from += size) {
    const ofImage = dTokens.subarray(at, at + n * width); // [n, D]
    // All positions of an image are one long row.
    if (shape.positions === 'learned') dense.addRowSums(ofImage, gradients.positions);
    dense.addRowSums(ofImage.subarray(0, width), gradients.classToken);
    const { patches: layer } = parameters;
    linearBackward(dense, layer, gradients.patches, patches.subarray(from), ofImage.subarray(width));
  }
}
