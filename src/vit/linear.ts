/** A linear layer, y = x W^T + b, and its gradients. */
import type { Dense } from '../kernels/dense.js';
import type { Floats } from '../keys.js';
import type { LinearParameters } from './parameters.js';

/** y [rows, out] = x [rows, in] W^T + b; or y += that. */
export function linear(
  dense: Dense,
  { weight, bias }: LinearParameters,
  x: Floats,
  y: Floats,
  accumulate = false,
): void {
  const out = bias.length;
  const depth = weight.length / out;
  dense.matmul({ a: x, b: weight, c: y, m: y.length / out, n: out, depth, transposedB: true, accumulate });
  dense.addRow(bias, y);
}

/** dW += dy^T x and db += the sum of the rows of dy; dx = dy W where dx is given. */
export function linearBackward(
  dense: Dense,
  { weight }: LinearParameters,
  gradient: LinearParameters,
  x: Floats,
  dy: Floats,
  dx?: Floats,
): void {
  const out = gradient.bias.length;
  const depth = weight.length / out;
  const rows = dy.length / out;
  dense.matmul({
    a: dy,
    b: x,
    c: gradient.weight,
    m: out,
    n: depth,
    depth: rows,
    transposedA: true,
    accumulate: true,
  });
  dense.addRowSums(dy, gradient.bias);
  if (dx) dense.matmul({ a: dy, b: weight, c: dx, m: rows, n: depth, depth: out });
}
