/** Chooses the kernels: WASM SIMD where the engine has it, plain TypeScript elsewhere. */
import type { Kernels } from './kernels.js';
import { hasSimd } from './module.js';
import { referenceKernels } from './reference.js';
import { wasmKernels } from './wasm.js';

let chosen: Kernels | undefined;

/** The kernels in use, chosen and compiled at the first call. */
export function kernels(): Kernels {
  chosen ??= hasSimd() ? wasmKernels : referenceKernels;
  return chosen;
}

/** Replaces the kernels, for tests and comparisons; returns those that were in use. */
export function useKernels(next: Kernels): Kernels {
  const before = kernels();
  chosen = next;
  return before;
}
