/** Kernels for clusters and for rows times a matrix: WASM SIMD where the engine has it, plain TypeScript elsewhere. */
import type { DistancesOf, MakePoints, Nearest, Products, SpreadOf, SumsOf } from './kernels.js';
import { kernels } from './load.js';
import { referenceNearest } from './reference-nearest.js';
import { referenceDistances, referencePoints, referenceSpread, referenceSums } from './reference-points.js';
import { referenceProducts } from './reference-products.js';
import { wasmNearest } from './wasm-nearest.js';
import { wasmDistances, wasmPoints, wasmSpread, wasmSums } from './wasm-points.js';
import { wasmProducts } from './wasm-products.js';

const onWasm = () => kernels().name === 'wasm-simd';

export const findNearest: Nearest = (call) => (onWasm() ? wasmNearest : referenceNearest)(call);

export const multiplyRows: Products = (call) => (onWasm() ? wasmProducts : referenceProducts)(call);

export const spreadOf: SpreadOf = (rows, d, shares) =>
  (onWasm() ? wasmSpread : referenceSpread)(rows, d, shares);

export const sumsOf: SumsOf = (call) => (onWasm() ? wasmSums : referenceSums)(call);

export const distancesOf: DistancesOf = (call) => (onWasm() ? wasmDistances : referenceDistances)(call);

export const makePoints: MakePoints = (groups, out) => (onWasm() ? wasmPoints : referencePoints)(groups, out);
