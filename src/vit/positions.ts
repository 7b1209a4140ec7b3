/** Fixed positions of patches: sines and cosines of row and column at geometric frequencies. */
import { tokensOf, type VitShape } from './config.js';

/**
 * [n, D]: zeros for the class token; for a patch in row y and column x the quarters sin(x w), cos(x w), sin(y w), cos(y w) with the
 * D/4 frequencies w_i = 10000^(-i / (D/4 - 1)), as big_vision has them (Beyer, Zhai, Kolesnikov, arXiv 2205.01580).
 */
export function sincosPositions(shape: VitShape): Float32Array {
  const { width, image, patch } = shape;
  const columns = image[1] / patch;
  const quarter = width / 4;
  const all = new Float32Array(tokensOf(shape) * width);
  for (let token = 1; token < all.length / width; token++) {
    const y = Math.floor((token - 1) / columns);
    const x = (token - 1) % columns;
    for (let i = 0; i < quarter; i++) {
      const frequency = 10_000 ** (-i / Math.max(1, quarter - 1));
      const waves = [x, y].flatMap((at) => [Math.sin(at * frequency), Math.cos(at * frequency)]);
      for (const [part, wave] of waves.entries()) all[token * width + part * quarter + i] = wave;
    }
  }
  return all;
}
