/** Blocks of rows on the WASM kernels: where plans and blocks lie in memory, and what is called when. */
import type { Floats } from '../keys.js';
import { type Arena, type Resident, sharedArena } from './arena.js';
import { BLOCK_ROWS, type BlockKernel, type BlockPlan, FLUSH_ROWS } from './kernels.js';
import { Layout } from './module.js';

/** Bytes of a panel of a sub-block: FLUSH_ROWS rows of four float64. */
const PANEL_BYTES = FLUSH_ROWS * 32;

const tilesOf = (width: number) => Math.ceil(width / 4);

/** Numbers in the 4 x 4 tiles of a lower triangle. */
const triangle = (width: number) => 8 * tilesOf(width) * (tilesOf(width) + 1);

/** Addresses of what a kernel has in memory. */
interface Region {
  readonly columnScale: number;
  readonly transform: number;
  readonly factor: number;
  /** Scales of the loaded rows and, right behind them, the rows as they came. */
  readonly rowScale: number;
  readonly rows: number;
  /** The transformed block: sub-block after sub-block, in panels. */
  readonly transformed: number;
  /** Working memory: a sub-block in panels and in groups of rows, tiles of the Gram, results. */
  readonly panels: number;
  readonly groups: number;
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
    rowScale: layout.take(BLOCK_ROWS * 8),
    rows: layout.take(BLOCK_ROWS * d * 8),
    transformed: layout.take(transform ? (BLOCK_ROWS / FLUSH_ROWS) * tilesOf(width) * PANEL_BYTES : 0),
    panels: layout.take(subBlock),
    groups: layout.take(subBlock),
    sums: layout.take(triangle(width) * 8),
    out: layout.take(Math.max(BLOCK_ROWS, width * width) * 8),
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
  private count = 0;
  private wide = false;
  private rowScaled = false;
  private packed = false;
  private saved: Uint8Array | undefined;

  constructor(private readonly plan: BlockPlan) {
    this.arena = sharedArena();
    this.width = plan.width ?? plan.d;
  }

  load(rows: Floats, rowScale?: Float64Array): void {
    if (rows.length > BLOCK_ROWS * this.plan.d)
      throw new RangeError(`load: a block has at most ${BLOCK_ROWS} rows, got ${rows.length / this.plan.d}`);
    this.saved = undefined;
    const region = this.place();
    const { instance } = this.arena;
    const { d, transform } = this.plan;
    this.count = rows.length / d;
    this.wide = rows instanceof Float64Array;
    (this.wide ? instance.f64(region.rows, rows.length) : instance.f32(region.rows, rows.length)).set(rows);
    this.rowScaled = rowScale !== undefined;
    if (rowScale) instance.f64(region.rowScale, this.count).set(rowScale.subarray(0, this.count));
    if (!transform) return;
    for (const [start, count] of this.subBlocks()) {
      this.toPanels(region, start, count);
      const target = this.transformed(region, start);
      instance.exports.transform(
        region.panels,
        count,
        d,
        this.width,
        region.transform,
        region.groups,
        target,
      );
    }
  }

  gram(out: Float64Array): void {
    const region = this.place();
    const { instance } = this.arena;
    const { width, wide } = this;
    const { d, single } = this.plan;
    const { panels, groups, sums } = region;
    instance.f64(sums, triangle(width)).fill(0);
    for (const [start, count] of this.subBlocks())
      if (single) {
        const rows = region.rows + start * d * (wide ? 8 : 4);
        instance.exports.gramSingle(rows, wide, count, d, panels, groups, sums);
      } else instance.exports.gram(this.panels(region, start, count), count, width, sums);
    instance.exports.unpackGram(region.sums, width, region.out);
    out.set(instance.f64(region.out, width * width));
  }

  scores(out: Float64Array): void {
    const region = this.place();
    const { instance } = this.arena;
    const { width } = this;
    const { factor } = this.plan;
    if (factor && !this.packed) {
      packFactor(factor, width, instance.f64(region.factor, triangle(width)));
      this.packed = true;
    }
    for (const [start, count] of this.subBlocks()) {
      const panels = this.panels(region, start, count);
      const { groups } = region;
      const target = region.out + start * 8;
      if (factor) instance.exports.scores64(panels, count, width, region.factor, groups, target);
      else instance.exports.squaredNorms(panels, count, width, groups, target);
    }
    out.set(instance.f64(region.out, this.count));
  }

  /** Gives up the region, keeping the block. */
  evict(): void {
    if (this.region && this.count > 0) {
      const [address, bytes] = this.held(this.region);
      this.saved = this.arena.instance.bytes(address, bytes).slice();
    }
    this.region = undefined;
  }

  /** The region, with plan and block in it. */
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
    if (this.saved) instance.bytes(this.held(region)[0], this.saved.length).set(this.saved);
    this.saved = undefined;
    this.region = region;
    return region;
  }

  /** Address and length of the loaded block. */
  private held(region: Region): readonly [number, number] {
    if (this.plan.transform) {
      const end = this.transformed(region, Math.ceil(this.count / FLUSH_ROWS) * FLUSH_ROWS);
      return [region.transformed, end - region.transformed];
    }
    const end = region.rows + this.count * this.plan.d * (this.wide ? 8 : 4);
    return [region.rowScale, end - region.rowScale];
  }

  private *subBlocks(): Generator<readonly [start: number, count: number]> {
    for (let start = 0; start < this.count; start += FLUSH_ROWS)
      yield [start, Math.min(FLUSH_ROWS, this.count - start)];
  }

  private transformed(region: Region, start: number): number {
    return region.transformed + (start / FLUSH_ROWS) * tilesOf(this.width) * PANEL_BYTES;
  }

  /** Scaled rows from `start` on, as panels in working memory. */
  private toPanels(region: Region, start: number, count: number): void {
    const { d } = this.plan;
    const rows = region.rows + start * d * (this.wide ? 8 : 4);
    this.arena.instance.exports.toPanels(
      rows,
      this.wide,
      count,
      d,
      region.columnScale,
      this.rowScaled ? region.rowScale + start * 8 : 0,
      region.panels,
    );
  }

  /** The address of a sub-block in panels, scaled and transformed. */
  private panels(region: Region, start: number, count: number): number {
    if (this.plan.transform) return this.transformed(region, start);
    this.toPanels(region, start, count);
    return region.panels;
  }
}

/** Block kernels in WASM. */
export function wasmBlocks(plan: BlockPlan): BlockKernel {
  return new WasmBlocks(plan);
}
