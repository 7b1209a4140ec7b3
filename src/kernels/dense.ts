/** The interface of the kernels for dense layers: matrix products, layer norm, GELU and biases, over arrays that the kernels own. */
import type { Floats } from '../keys.js';

/** C = A B, or C += A B. */
export interface MatmulCall {
  /** A [m, depth], or [depth, m] where it is stored transposed. */
  readonly a: Floats;
  /** B [depth, n], or [n, depth] where it is stored transposed. */
  readonly b: Floats;
  /** C [m, n]. */
  readonly c: Floats;
  readonly m: number;
  readonly n: number;
  readonly depth: number;
  readonly transposedA?: boolean;
  readonly transposedB?: boolean;
  /** Numbers between the beginnings of the stored rows; rows without gaps unless given. */
  readonly strideA?: number;
  readonly strideC?: number;
  readonly accumulate?: boolean;
}

/** Arguments of layer norm; `rows` rows of d numbers. */
export interface NormCall {
  readonly x: Floats;
  readonly rows: number;
  readonly d: number;
  /** [d] each. */
  readonly scale: Floats;
  readonly shift: Floats;
  readonly epsilon: number;
  readonly y: Floats;
  /** [rows, 2], written: mean and 1 / sqrt(variance + epsilon). */
  readonly stats: Floats;
}

/** Arguments of the backward pass of layer norm: those of the forward pass, the gradient of y, and what is added to. */
export interface NormBackwardCall extends Omit<NormCall, 'y' | 'shift' | 'epsilon'> {
  readonly dy: Floats;
  readonly dx: Floats;
  readonly dScale: Floats;
  readonly dShift: Floats;
}

/**
 * One implementation. All arrays that it is given are its own, whole or parts; d is a multiple of four. Each result is a sum in a
 * fixed order: the same bytes on every machine.
 */
export interface Dense {
  /** A zero array of the kernels' type. */
  floats(length: number): Floats;
  matmul(call: MatmulCall): void;
  /** y = (x - mean) / sqrt(variance + epsilon) * scale + shift of each row. */
  layerNorm(call: NormCall): void;
  layerNormBackward(call: NormBackwardCall): void;
  /** y = x Phi(x), with the distribution function of the normal law; whole arrays, of one length. */
  gelu(x: Floats, y: Floats): void;
  /** dx = dy (Phi(x) + x phi(x)). */
  geluBackward(x: Floats, dy: Floats, dx: Floats): void;
  /** y + row for each row [d] of y. */
  addRow(row: Floats, y: Floats): void;
  /** sums [d] += all rows of x. */
  addRowSums(x: Floats, sums: Floats): void;
  /** `rows` rows of d numbers, from rows `strideFrom` numbers apart to rows `strideTo` numbers apart. */
  copyRows(from: Floats, strideFrom: number, to: Floats, strideTo: number, rows: number, d: number): void;
}

/** What takes its arrays from the kernels, once and for all. */
export type Layout<Held> = (floats: (length: number) => Floats) => Held;
