/** Leverage scores of small matrices on WASM: what one step makes stays in the module's memory for the next. */
import type { Floats } from '../keys.js';
import { leverage } from './generated/leverage.js';
import { FLUSH_ROWS, type LeverageKernel } from './kernels.js';
import { KernelInstance, Layout } from './module.js';

/** What src/kernels/assembly/leverage.ts exports and documents. Arguments named after arrays are their addresses. */
interface LeverageExports {
  readonly memory: WebAssembly.Memory;
  panelBytes(n: number, width: number): number;
  workBytes(width: number): number;
  gramOfRows(
    rows: number,
    wide: boolean,
    n: number,
    d: number,
    isCentred: boolean,
    panels: number,
    sums: number,
    diagonal: number,
  ): void;
  factor(
    sums: number,
    width: number,
    scale: number,
    roots: number,
    floor: number,
    work: number,
    tiles: number,
  ): number;
  scoresOfRows(panels: number, n: number, width: number, tiles: number, groups: number, out: number): void;
}

/** Where the arrays of a matrix are. */
function layOut(n: number, width: number, rowBytes: number, exports: LeverageExports) {
  const layout = new Layout();
  const tiles = Math.ceil(width / 4);
  const triangleBytes = 64 * tiles * (tiles + 1);
  const columnBytes = 8 * width;
  return {
    n,
    width,
    diagonal: layout.take(columnBytes),
    scale: layout.take(columnBytes),
    roots: layout.take(columnBytes),
    sums: layout.take(triangleBytes),
    tiles: layout.take(triangleBytes),
    work: layout.take(exports.workBytes(width)),
    groups: layout.take(exports.panelBytes(FLUSH_ROWS, width)),
    panels: layout.take(exports.panelBytes(n, width)),
    // The rows are read when the scores are written.
    rows: layout.end,
    out: layout.take(Math.max(n * rowBytes, 8 * FLUSH_ROWS * Math.ceil(n / FLUSH_ROWS))),
    end: layout.end,
  };
}

class WasmLeverage implements LeverageKernel {
  private readonly instance = new KernelInstance<LeverageExports>(leverage);
  private at = layOut(1, 1, 8, this.instance.exports);

  gram(rows: Floats, d: number, centred: boolean): Float64Array {
    const { instance } = this;
    const wide = rows instanceof Float64Array;
    const n = rows.length / d;
    const at = layOut(n, d + Number(centred), rows.BYTES_PER_ELEMENT * d, instance.exports);
    this.at = at;
    instance.reserve(at.end);
    const target = wide ? instance.f64(at.rows, rows.length) : instance.f32(at.rows, rows.length);
    target.set(rows);
    instance.exports.gramOfRows(at.rows, wide, n, d, centred, at.panels, at.sums, at.diagonal);
    return instance.f64(at.diagonal, at.width);
  }

  factor(scale: Float64Array, roots: Float64Array, floor: number): number {
    const { instance } = this;
    const at = this.at;
    instance.f64(at.scale, at.width).set(scale);
    instance.f64(at.roots, at.width).set(roots);
    return instance.exports.factor(at.sums, at.width, at.scale, at.roots, floor, at.work, at.tiles);
  }

  scores(): Float64Array {
    const { instance } = this;
    const at = this.at;
    instance.exports.scoresOfRows(at.panels, at.n, at.width, at.tiles, at.groups, at.out);
    return instance.f64(at.out, at.n);
  }
}

let shared: WasmLeverage | undefined;

/** The one of this thread, made at first use. */
export function wasmLeverage(): LeverageKernel {
  shared ??= new WasmLeverage();
  return shared;
}
