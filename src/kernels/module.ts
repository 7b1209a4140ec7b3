/** The compiled kernels: decoding, compilation at first use, instances and the layout of their memory. */
import { rows } from './generated/rows.js';

/** What src/kernels/assembly exports and documents. Arguments named after arrays are their addresses. */
export interface RowExports {
  readonly memory: WebAssembly.Memory;
  toPanels(
    rows: number,
    wide: boolean,
    count: number,
    d: number,
    columnScale: number,
    rowScale: number,
    panels: number,
  ): void;
  transform(
    panels: number,
    count: number,
    d: number,
    width: number,
    matrix: number,
    groups: number,
    target: number,
  ): void;
  gram(panels: number, count: number, width: number, sums: number): void;
  gramSingle(
    rows: number,
    wide: boolean,
    count: number,
    d: number,
    panels: number,
    tile: number,
    sums: number,
  ): void;
  unpackGram(sums: number, width: number, out: number): void;
  scores64(panels: number, count: number, width: number, factor: number, groups: number, out: number): void;
  squaredNorms(panels: number, count: number, width: number, groups: number, out: number): void;
  quadratic(
    rows: number,
    wide: boolean,
    count: number,
    d: number,
    scale: number,
    shift: number,
    tiles: number,
    depths: number,
    plus: number,
    minus: number,
    groups: number,
    subtracted: number,
    out: number,
  ): void;
}

/** The functions for attention, a module of their own. */
export interface AttendExports {
  readonly memory: WebAssembly.Memory;
  readonly TILE: WebAssembly.Global;
  largestNorm(rows: number, count: number, d: number): number;
  packKeys(keys: number, count: number, d: number, target: number): void;
  packValues(values: number, count: number, dv: number, target: number): void;
  recordBytes(d: number, dv: number): number;
  workBytes(d: number): number;
  begin(
    queries: number,
    count: number,
    d: number,
    dv: number,
    factor: number,
    reach: number,
    lowest: number,
    limits: number,
    record: number,
  ): void;
  attendTile(
    keys: number,
    values: number,
    first: number,
    count: number,
    d: number,
    dv: number,
    factor: number,
    isPower: boolean,
    offsets: number,
    byQuery: boolean,
    record: number,
    groups: number,
    work: number,
  ): void;
  finish(record: number, count: number, d: number, dv: number, out: number): void;
  normalisers(record: number, count: number, d: number, dv: number, factor: number, out: number): void;
}

/** The functions for clusters, a module of their own. */
export interface ClusterExports {
  readonly memory: WebAssembly.Memory;
  workBytes(d: number): number;
  packCentres(centres: number, count: number, d: number, target: number): void;
  nearest(
    points: number,
    count: number,
    d: number,
    centres: number,
    centreCount: number,
    out: number,
    work: number,
  ): void;
  distances(
    points: number,
    count: number,
    d: number,
    stride: number,
    centres: number,
    numbers: number,
    out: number,
  ): void;
  addToSums(points: number, count: number, d: number, numbers: number, weights: number, sums: number): void;
  spread(rows: number, count: number, d: number, mean: number, weights: number): number;
  centre(
    rows: number,
    count: number,
    d: number,
    mean: number,
    factor: number,
    target: number,
    stride: number,
  ): void;
  matmulBytes: DenseExports['matmulBytes'];
  matmul: DenseExports['matmul'];
}

/** The functions for the gradients of attention. */
export interface BackwardExports {
  readonly memory: WebAssembly.Memory;
  readonly TILE: WebAssembly.Global;
  readonly BLOCK: WebAssembly.Global;
  largestNorm(rows: number, count: number, d: number): number;
  tileBytes(d: number, dv: number): number;
  keyGradients(tile: number, d: number, dv: number): number;
  valueGradients(tile: number, d: number, dv: number): number;
  weightGradients(tile: number, d: number, dv: number): number;
  blockBytes(d: number, dv: number): number;
  workBytes(d: number): number;
  packTile(keys: number, values: number, count: number, d: number, dv: number, tile: number): void;
  begin(
    queries: number,
    outs: number,
    gradients: number,
    normalisers: number,
    limits: number,
    logSums: number,
    count: number,
    d: number,
    dv: number,
    factor: number,
    reach: number,
    block: number,
  ): void;
  backwardTile(
    tile: number,
    first: number,
    count: number,
    d: number,
    dv: number,
    factor: number,
    isPower: boolean,
    offsets: number,
    byQuery: boolean,
    block: number,
    queries: number,
    work: number,
  ): void;
  finish(block: number, count: number, d: number, dv: number, out: number): void;
}

/** The functions for the dense layers of networks, a module of their own. */
export interface DenseExports {
  readonly memory: WebAssembly.Memory;
  matmulBytes(): number;
  matmul(
    a: number,
    strideA: number,
    transposedA: boolean,
    b: number,
    strideB: number,
    transposedB: boolean,
    c: number,
    strideC: number,
    m: number,
    n: number,
    depth: number,
    accumulate: boolean,
    work: number,
  ): void;
  gelu(x: number, y: number, count: number): void;
  geluBackward(x: number, dy: number, dx: number, count: number): void;
  layerNorm(
    x: number,
    rows: number,
    d: number,
    scale: number,
    shift: number,
    epsilon: number,
    y: number,
    stats: number,
  ): void;
  layerNormBackward(
    x: number,
    stats: number,
    dy: number,
    rows: number,
    d: number,
    scale: number,
    dx: number,
    dScale: number,
    dShift: number,
  ): void;
  addRow(row: number, y: number, rows: number, d: number): void;
  addRowSums(x: number, rows: number, d: number, sums: number): void;
  copyRows(from: number, strideFrom: number, to: number, strideTo: number, rows: number, d: number): void;
}

const compiled = new Map<string, WebAssembly.Module | null>();

/**
 * A module from hexadecimal, or null where there is no WASM SIMD; small enough for a page's main thread to compile at once.
 */
function moduleOf(wasm: string): WebAssembly.Module | null {
  let found = compiled.get(wasm);
  if (found === undefined) {
    const bytes = Uint8Array.from(wasm.match(/../g)!, (byte) => Number.parseInt(byte, 16));
    const valid = typeof WebAssembly === 'object' && WebAssembly.validate(bytes);
    found = valid ? new WebAssembly.Module(bytes) : null;
    compiled.set(wasm, found);
  }
  return found;
}

/** Whether the engine runs the kernels. */
export function hasSimd(): boolean {
  return moduleOf(rows) !== null;
}

const PAGE_BYTES = 65536;

/** An instance of a module with a memory of its own. */
export class KernelInstance<Exports extends { readonly memory: WebAssembly.Memory }> {
  readonly exports: Exports;

  constructor(wasm: string) {
    const instance = new WebAssembly.Instance(moduleOf(wasm) as WebAssembly.Module);
    this.exports = instance.exports as unknown as Exports;
  }

  /** Grows the memory to `end` bytes. Views from before are void then, so views are never kept. */
  reserve(end: number): void {
    const { memory } = this.exports;
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, address, length);
  }

  f64(address: number, length: number): Float64Array {
    return new Float64Array(this.exports.memory.buffer, address, length);
  }

  f32(address: number, length: number): Float32Array {
    return new Float32Array(this.exports.memory.buffer, address, length);
  }

  i32(address: number, length: number): Int32Array {
    return new Int32Array(this.exports.memory.buffer, address, length);
  }

  u32(address: number, length: number): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, address, length);
  }
}

/** Lays out arrays one after the other, each on cache lines of its own. */
export class Layout {
  /** Addresses below are the compiler's. */
  static readonly START = 1024;

  constructor(public end = Layout.START) {}

  take(bytes: number): number {
    const address = this.end;
    this.end = Math.ceil((address + bytes) / 64) * 64;
    return address;
  }
}
