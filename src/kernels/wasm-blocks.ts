/** Blocks of rows on the WASM kernels: where plans and rows lie in memory, and what is called when. Rows are copied in FLUSH_ROWS at a time, so that they stay in the cache. */
import type { Floats } from '../keys.js';
import { type Arena, type Resident, sharedArena } from './arena.js';
import { type BlockKernel, type BlockPlan, FLUSH_ROWS } from './kernels.js';
import { Layout } from './module.js';

/** Bytes of a panel of a sub-block: FLUSH_ROWS rows of four float64. */
const PANEL_BYTES = FLUSH_ROWS * 32;

const tilesOf = (width: number) => Math.ceil(width / 4);

/** Numbers in the 4 x 4 tiles of a lower triangle. */
const triangle = (width: number) => 8 * tilesOf(width) * (tilesOf(width) + 1);

/** Addresses of what a kernel has in memory: the plan, and for one sub-block what its rows become. */
interface Region {
  readonly columnScale: number;
  readonly transform: number;
  readonly factor: number;
  readonly rowScale: number;
  readonly rows: number;
  readonly panels: number;
  readonly transformed: number;
  /** Working memory. */
  readonly groups: number;
  /** Tiles of the Gram. */
  readonly sums: number;
  readonly out: number;
  readonly end: number;
}

function layOut(start: number, { d, transform, width = d, factor }: BlockPlan): Region {
  const layout = new Layout(start);
  const subBlock = Math.max(tilesOf(d), tilesOf(width)) * PANEL_BYTES;
  return {
    columnScale: layout.take(d * 8),
    transform: layout.take(transform ? tilesOf(width) * d * 32 : 0),
    factor: layout.take(factor ? triangle(width) * 8 : 0),
    rowScale: layout.take(FLUSH_ROWS * 8),
    rows: layout.take(FLUSH_ROWS * d * 8),
    panels: layout.take(subBlock),
    transformed: layout.take(transform ? subBlock : 0),
    groups: layout.take(subBlock),
    sums: layout.take(triangle(width) * 8),
    out: layout.take(Math.max(FLUSH_ROWS, width * width) * 8),
    end: layout.end,
  };
}

/** W as tiles of four rows, each [columns, 4] without the columns right of its diagonal. */
function packFactor(factor: Float64Array, width: number, target: Float64Array): void {
  target.fill(0);
  let tile = 0;
  for (let first = 0; first < width; first += 4) {
    const end = Math.min(first + 4, width);
    for (let a = first; a < end; a++)
      for (let b = 0; b <= a; b++) target[tile + 4 * b + (a - first)] = factor[a * width + b];
    tile += 4 * end;
  }
}

/** T [d, width] as panels of four columns, each [d, 4]. */
function packTransform(transform: Float64Array, d: number, width: number, target: Float64Array): void {
  let at = 0;
  for (let first = 0; first < width; first += 4)
    for (let c = 0; c < d; c++)
      for (let w = first; w < first + 4; w++) target[at++] = w < width ? transform[c * width + w] : 0;
}

class WasmBlocks implements BlockKernel, Resident {
  private readonly arena: Arena;
  private readonly width: number;
  private region: Region | undefined;
  private packed = false;

  constructor(private readonly plan: BlockPlan) {
    this.arena = sharedArena();
    this.width = plan.width ?? plan.d;
  }

  gram(rows: Floats, out: Float64Array, rowScale?: Float64Array): void {
    const region = this.place();
    const { instance } = this.arena;
    const { exports } = instance;
    const { width } = this;
    const { d, single } = this.plan;
    const wide = rows instanceof Float64Array;
    instance.f64(region.sums, triangle(width)).fill(0);
    for (const [start, count] of this.subBlocks(rows)) {
      this.copy(region, rows, start, count, rowScale);
      if (single) exports.gramSingle(region.rows, wide, count, d, region.panels, region.groups, region.sums);
      else exports.gram(this.panels(region, wide, start, count, rowScale), count, width, region.sums);
    }
    exports.unpackGram(region.sums, width, region.out);
    out.set(instance.f64(region.out, width * width));
  }

  scores(rows: Floats, out: Float64Array, rowScale?: Float64Array): void {
    const region = this.place();
    const { instance } = this.arena;
    const { exports } = instance;
    const { width } = this;
    const { factor } = this.plan;
    const wide = rows instanceof Float64Array;
    if (factor && !this.packed) {
      packFactor(factor, width, instance.f64(region.factor, triangle(width)));
      this.packed = true;
    }
    for (const [start, count] of this.subBlocks(rows)) {
      this.copy(region, rows, start, count, rowScale);
      const panels = this.panels(region, wide, start, count, rowScale);
      if (factor) exports.scores64(panels, count, width, region.factor, region.groups, region.out);
      else exports.squaredNorms(panels, count, width, region.groups, region.out);
      out.set(instance.f64(region.out, count), start);
    }
  }

  evict(): void {
    this.region = undefined;
  }

  /** The region, with the plan in it. */
  private place(): Region {
    if (this.region) return this.region;
    const region = this.arena.claim(this, (start) => layOut(start, this.plan));
    const { instance } = this.arena;
    const { d, columnScale, transform } = this.plan;
    const scale = instance.f64(region.columnScale, d);
    if (columnScale) scale.set(columnScale);
    else scale.fill(1);
    if (transform)
      packTransform(transform, d, this.width, instance.f64(region.transform, tilesOf(this.width) * d * 4));
    this.packed = false;
    this.region = region;
    return region;
  }

  private *subBlocks(rows: Floats): Generator<readonly [start: number, count: number]> {
    const total = rows.length / this.plan.d;
    for (let start = 0; start < total; start += FLUSH_ROWS)
      yield [start, Math.min(FLUSH_ROWS, total - start)];
  }

  private copy(
    region: Region,
    rows: Floats,
    start: number,
    count: number,
    rowScale: Float64Array | undefined,
  ): void {
    const { instance } = this.arena;
    const { d } = this.plan;
    const target =
      rows instanceof Float64Array
        ? instance.f64(region.rows, count * d)
        : instance.f32(region.rows, count * d);
    target.set(rows.subarray(start * d, (start + count) * d));
    // Columns may be scaled such that rows which do not count are infinite.
    for (let i = 0; i < count; i++) if (rowScale?.[start + i] === 0) target.fill(0, i * d, (i + 1) * d);
  }

  /** The address of the sub-block in panels, scaled and transformed. */
  private panels(
    region: Region,
    wide: boolean,
    start: number,
    count: number,
    rowScale: Float64Array | undefined,
  ): number {
    const { instance } = this.arena;
    const { exports } = instance;
    const { d, transform } = this.plan;
    if (rowScale) instance.f64(region.rowScale, count).set(rowScale.subarray(start, start + count));
    const scale = rowScale ? region.rowScale : 0;
    exports.toPanels(region.rows, wide, count, d, region.columnScale, scale, region.panels);
    if (!transform) return region.panels;
    const { panels, groups, transformed } = region;
    exports.transform(panels, count, d, this.width, region.transform, groups, transformed);
    return transformed;
  }
}

/** Block kernels in WASM. */
export function wasmBlocks(plan: BlockPlan): BlockKernel {
  return new WasmBlocks(plan);
}
