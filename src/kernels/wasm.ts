/** The kernels in WASM SIMD: the same results on every machine. */
import type { Kernels } from './kernels.js';
import { wasmBlocks } from './wasm-blocks.js';
import { wasmQuadratic } from './wasm-quadratic.js';

/** WASM kernels; compiled at first use, so only to be used where `hasSimd()`. */
export const wasmKernels: Kernels = {
  name: 'wasm-simd',
  blocks: wasmBlocks,
  quadratic: wasmQuadratic,
};
