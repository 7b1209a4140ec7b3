/** Quadratic forms on the WASM kernel: P and M packed into tiles, rows copied in a few at a time, so that they stay in the cache. */
import type { Floats } from '../keys.js';
import { type Arena, type Resident, sharedArena } from './arena.js';
import { FLUSH_ROWS, type QuadraticKernel, type QuadraticPlan } from './kernels.js';
import { Layout } from './module.js';

/** Rows that are copied in at a time: 64 KiB of 64 float32 columns, half of a usual second-level cache at 128 float64 columns. */
const CHUNK_ROWS = 256;
/** The kernel reads up to so many rows beyond the last. */
const ROWS_BEYOND = 7;

/** P and M in tiles of four rows, column after column; a tile ends after its last column that is not zero. */
interface Tiles {
  readonly numbers: Float32Array;
  readonly depths: Int32Array;
  readonly plus: number;
  readonly minus: number;
}

/** What has been packed: a form is tried on a sample before it is used. */
const packed = new WeakMap<QuadraticPlan, Tiles>();

function tilesOf({ d, plus, minus }: QuadraticPlan): Tiles {
  const numbers = new Float32Array(
    4 * (Math.ceil(plus.length / d / 4) + Math.ceil(minus.length / d / 4)) * d,
  );
  const depths: number[] = [];
  let end = 0;
  const pack = (form: Float32Array) => {
    const rows = form.length / d;
    for (let first = 0; first < rows; first += 4) {
      let depth = 0;
      for (let a = first; a < Math.min(first + 4, rows); a++)
        for (let c = 0; c < d; c++) {
          const entry = form[a * d + c];
          numbers[end + 4 * c + (a - first)] = entry;
          // Not a test for > 0: a NaN is an entry too.
          if (entry !== 0) depth = Math.max(depth, c + 1);
        }
      depths.push(depth);
      end += 4 * depth;
    }
    return Math.ceil(rows / 4);
  };
  const tiles = { plus: pack(plus), minus: pack(minus) };
  return { ...tiles, numbers: numbers.slice(0, end), depths: Int32Array.from(depths) };
}

class WasmQuadratic implements QuadraticKernel, Resident {
  private readonly arena: Arena = sharedArena();
  private readonly tiles: Tiles;
  private region: ReturnType<WasmQuadratic['layOut']> | undefined;

  constructor(private readonly plan: QuadraticPlan) {
    this.tiles = packed.get(plan) ?? tilesOf(plan);
    packed.set(plan, this.tiles);
  }

  values(rows: Floats, out: Float32Array): void {
    const region = this.place();
    const { instance } = this.arena;
    const { d, shift } = this.plan;
    const { plus, minus } = this.tiles;
    const wide = rows instanceof Float64Array;
    const count = rows.length / d;
    const rowBytes = d * (wide ? 8 : 4);
    for (let first = 0; first < count; first += CHUNK_ROWS) {
      const chunk = Math.min(CHUNK_ROWS, count - first);
      const target = wide ? instance.f64(region.rows, chunk * d) : instance.f32(region.rows, chunk * d);
      target.set(rows.subarray(first * d, (first + chunk) * d));
      const step = plus + minus === 0 ? chunk : FLUSH_ROWS;
      for (let start = 0; start < chunk; start += step)
        instance.exports.quadratic(
          region.rows + start * rowBytes,
          wide,
          Math.min(step, chunk - start),
          d,
          wide ? region.scale64 : region.scale32,
          shift,
          region.tiles,
          region.depths,
          plus,
          minus,
          region.groups,
          region.subtracted,
          region.out + start * 4,
        );
      out.set(instance.f32(region.out, chunk), first);
    }
  }

  evict(): void {
    this.region = undefined;
  }

  private place() {
    if (this.region) return this.region;
    const region = this.arena.claim(this, (start) => this.layOut(start));
    const { instance } = this.arena;
    const { d, scale } = this.plan;
    instance.f64(region.scale64, d).set(scale);
    instance.f32(region.scale32, d).set(scale);
    instance.f32(region.tiles, this.tiles.numbers.length).set(this.tiles.numbers);
    instance.u32(region.depths, this.tiles.depths.length).set(this.tiles.depths);
    this.region = region;
    return region;
  }

  private layOut(start: number) {
    const { d } = this.plan;
    const layout = new Layout(start);
    return {
      scale64: layout.take(d * 8),
      scale32: layout.take(d * 4),
      tiles: layout.take(this.tiles.numbers.length * 4),
      depths: layout.take(this.tiles.depths.length * 4),
      rows: layout.take((CHUNK_ROWS + ROWS_BEYOND) * d * 8),
      groups: layout.take(FLUSH_ROWS * d * 4),
      subtracted: layout.take(FLUSH_ROWS * 4),
      out: layout.take(CHUNK_ROWS * 4),
      end: layout.end,
    };
  }
}

/** Quadratic forms in WASM. */
export function wasmQuadratic(plan: QuadraticPlan): QuadraticKernel {
  return new WasmQuadratic(plan);
}
