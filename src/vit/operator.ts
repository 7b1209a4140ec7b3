/** The attention that a model is made with: exact, or any other of its interface. */
import type { Floats } from '../keys.js';

/** The heads of one image: queries, keys and values [H, n, d] each. */
export interface HeadsOfImage {
  readonly q: Floats;
  readonly k: Floats;
  readonly v: Floats;
  /** H. */
  readonly heads: number;
  /** n. */
  readonly tokens: number;
  /** d. */
  readonly headDim: number;
  readonly layer: number;
  /** Of the draws of this image and layer. */
  readonly seed: number;
}

/** What attention gives for the heads of one image. */
export interface Attended {
  /** [H, n, d]. */
  readonly out: Floats;
  /** For each head the keys that it looked at, where it did not look at all. */
  readonly selected?: readonly (readonly number[])[];
  /** Gradients of q, k and v, [H, n, d] each, from that of `out`. */
  backward(dOut: Floats): { readonly dq: Floats; readonly dk: Floats; readonly dv: Floats };
}

/** An attention with its gradients. */
export interface AttentionOperator {
  readonly name: string;
  attend(heads: HeadsOfImage): Attended;
}
