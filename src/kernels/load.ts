/** Chooses the kernels: WASM SIMD where the engine has it, plain TypeScript elsewhere. */
import type { Kernels } from './kernels.js';
import { referenceKernels } from './reference.js';

let chosen: Kernels = referenceKernels;

/** The kernels in use. */
export function kernels(): Kernels {
  return chosen;
}

/** Replaces the kernels, for tests and comparisons; returns those that were in use. */
export function useKernels(next: Kernels): Kernels {
  const before = chosen;
  chosen = next;
  return before;
}
