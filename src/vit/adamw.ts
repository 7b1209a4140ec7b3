/** AdamW: Adam with the decay of weights apart from their gradients (Loshchilov and Hutter, arXiv 1711.05101). */
import type { ParameterPart } from './parameters.js';

/** What the optimiser remembers. */
export interface Moments {
  /** Running means of the gradients and of their squares, as long as the parameters. */
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** How a step is made. */
export interface AdamWOptions {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly decay: number;
}

/** Keeps the division by the root of the second moment finite. */
const EPSILON = 1e-8;

/**
 * One step, the `count`-th from 1 on: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
 * p = p (1 - rate decay) - rate (m / (1 - b1^count)) / (sqrt(v / (1 - b2^count)) + 1e-8), with g = factor gradients.
 */
export function adamwStep(
  parameters: Float32Array,
  gradients: Float32Array,
  factor: number,
  { first, second }: Moments,
  count: number,
  { rate, beta1, beta2, decay }: AdamWOptions,
  parts: readonly ParameterPart[],
): void {
  const unbias1 = 1 / (1 - beta1 ** count);
  const unbias2 = 1 / (1 - beta2 ** count);
  for (const { start, end, decays, trained } of parts) {
    if (!trained) continue;
    const keep = decays ? 1 - rate * decay : 1;
    for (let i = start; i < end; i++) {
      const g = factor * gradients[i];
      first[i] = beta1 * first[i] + (1 - beta1) * g;
      second[i] = beta2 * second[i] + (1 - beta2) * g * g;
      parameters[i] =
        parameters[i] * keep - (rate * unbias1 * first[i]) / (Math.sqrt(unbias2 * second[i]) + EPSILON);
    }
  }
}

/** |x|. */
export function normOf(x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * x[i];
  return Math.sqrt(sum);
}

/** The rate at a step from 0 on: up in a line over `warmup` steps, then down along a cosine to zero after `steps`. */
export function rateAt(step: number, peak: number, warmup: number, steps: number): number {
  if (step < warmup) return (peak * (step + 1)) / warmup;
  return (peak / 2) * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup)));
}
