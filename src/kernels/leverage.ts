/** The kernel for leverage scores of small matrices: WASM SIMD where the engine has it, plain TypeScript elsewhere. */
import type { LeverageKernel } from './kernels.js';
import { kernels } from './load.js';
import { referenceLeverage } from './reference-leverage.js';
import { wasmLeverage } from './wasm-leverage.js';

/** The one in use. */
export function leverageKernel(): LeverageKernel {
  return kernels().name === 'wasm-simd' ? wasmLeverage() : referenceLeverage();
}
