/** Block kernels in WASM: the bytes of the reference, whatever the shape and whoever else is at work. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import { BLOCK_ROWS, type BlockKernel, type BlockPlan } from './kernels.js';
import { referenceKernels } from './reference.js';
import { wasmKernels } from './wasm.js';

/** Repeatable numbers in [-1, 1). */
function numbers(seed: number): () => number {
  const random = randomStream(seed);
  return () => 2 * random.uniform() - 1;
}

/** Compares bit by bit, and fast where arrays are long. */
function expectSame(actual: Floats, expected: Floats): void {
  const bytes = ({ buffer, byteOffset, byteLength }: Floats) => Buffer.from(buffer, byteOffset, byteLength);
  if (!bytes(actual).equals(bytes(expected))) expect(actual).toEqual(expected);
}

const filled = <T extends Floats>(array: T, next: () => number): T => array.map(next) as T;

function gramOf(kernel: BlockKernel, { rows, rowScale, width }: Case): Float64Array {
  const out = new Float64Array(width * width);
  kernel.gram(rows, out, rowScale);
  return out;
}

function scoresOf(kernel: BlockKernel, { rows, rowScale, count }: Case): Float64Array {
  const out = new Float64Array(count);
  kernel.scores(rows, out, rowScale);
  return out;
}

interface Case {
  readonly plan: BlockPlan;
  readonly rows: Floats;
  readonly rowScale?: Float64Array;
  readonly count: number;
  readonly width: number;
}

function makeCase(
  seed: number,
  count: number,
  d: number,
  options: Partial<Record<Option, boolean>>,
  width = d,
): Case {
  const next = numbers(seed);
  const power = () => 2 ** Math.round(30 * next());
  return {
    plan: {
      d,
      columnScale: options.columnScale ? filled(new Float64Array(d), power) : undefined,
      transform: options.transform ? filled(new Float64Array(d * width), next) : undefined,
      width: options.transform ? width : undefined,
      factor: options.factor
        ? filled(new Float64Array((options.transform ? width : d) ** 2), next)
        : undefined,
      single: options.single,
    },
    rows: filled(options.wide ? new Float64Array(count * d) : new Float32Array(count * d), next),
    rowScale: options.rowScale ? filled(new Float64Array(count), next) : undefined,
    count,
    width: options.transform ? width : d,
  };
}

type Option = 'columnScale' | 'transform' | 'factor' | 'wide' | 'rowScale' | 'single';

const cases = fc
  .record({
    seed: fc.nat(),
    count: fc.oneof(
      fc.integer({ min: 1, max: 140 }),
      fc.constantFrom(1, 7, 8, 63, 64, 65, 128, 1023, BLOCK_ROWS),
    ),
    d: fc.integer({ min: 1, max: 21 }),
    width: fc.integer({ min: 1, max: 21 }),
    options: fc.record({
      columnScale: fc.boolean(),
      transform: fc.boolean(),
      factor: fc.boolean(),
      wide: fc.boolean(),
      rowScale: fc.boolean(),
    }),
    single: fc.boolean(),
  })
  .map(({ seed, count, d, width, options: { factor, wide, ...changes }, single }) =>
    makeCase(seed, count, d, single ? { factor, wide, single } : { factor, wide, ...changes }, width),
  );

function expectReference(example: Case): void {
  const [wasm, reference] = [wasmKernels.blocks(example.plan), referenceKernels.blocks(example.plan)];
  expectSame(gramOf(wasm, example), gramOf(reference, example));
  expectSame(scoresOf(wasm, example), scoresOf(reference, example));
}

describe('WASM blocks', () => {
  it('gives the bytes of the reference for any shape, scale, transform and factor', () => {
    fc.assert(fc.property(cases, expectReference), { numRuns: 400 });
  });

  it.each([
    [1024, 64],
    [1000, 127],
    [100, 514],
    [3, 1026],
  ])('gives the bytes of the reference for %i x %i', (count, d) => {
    expectReference(makeCase(d, count, d, { factor: true, wide: true, columnScale: true }));
    for (const wide of [false, true]) expectReference(makeCase(d, count, d, { single: true, wide }));
  });

  it('gives the bytes of the reference at scales from 1e-18 to 1e17', () => {
    for (const scale of [1e-18, 1e-9, 1, 1e9, 1e17]) {
      const example = makeCase(1, 200, 9, { factor: true });
      example.rows.forEach((x, i, rows) => {
        rows[i] = x * scale;
      });
      expectReference(example);
    }
  });

  it('rounds as float32 where it says so, numbers too small and too large for it included', () => {
    for (const scale of [1e-45, 1e-38, 1e-22, 1e-19, 1, 1e18, 1e20, 1e38])
      for (const wide of [false, true]) {
        const example = makeCase(3, 130, 9, { single: true, wide });
        example.rows.forEach((x, i, rows) => {
          rows[i] = x * scale;
        });
        expectReference(example);
      }
  });

  it('adds no more than FLUSH_ROWS + BLOCK_ROWS / FLUSH_ROWS numbers in a row', () => {
    // 1 and then squares of 2^-26.5: a sum of one row after the other would never leave 1.
    const rows = new Float64Array(BLOCK_ROWS).fill(2 ** -26.5);
    rows[0] = 1;
    const [gram] = gramOf(wasmKernels.blocks({ d: 1 }), {
      plan: { d: 1 },
      rows,
      count: BLOCK_ROWS,
      width: 1,
    });
    const exact = 1 + (BLOCK_ROWS - 1) * 2 ** -53;
    expect(Math.abs(gram - exact)).toBeLessThanOrEqual(80 * 2 ** -53);
    expect(gram).toBeGreaterThan(1 + 900 * 2 ** -53);
  });

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])('shows %d on the diagonal of its column, and there only', (bad) => {
    for (const d of [1, 3, 4, 6, 9])
      for (let column = 0; column < d; column++) {
        const example = makeCase(2, 67, d, { rowScale: true });
        example.rows[66 * d + column] = bad;
        const gram = gramOf(wasmKernels.blocks(example.plan), example);
        for (let c = 0; c < d; c++) expect(Number.isFinite(gram[c * d + c])).toBe(c !== column);
      }
  });

  it('takes rows of scale zero for zero, whatever columns are scaled by', () => {
    for (const d of [3, 4, 9]) {
      const { plan, rows, count } = makeCase(2, 67, d, { wide: true });
      const scaled = { ...plan, columnScale: new Float64Array(d).fill(2 ** 1000) };
      const rowScale = new Float64Array(count).fill(2 ** -1000);
      rows.fill(1e300, 66 * d);
      rowScale[66] = 0;
      const [gram, scores] = [new Float64Array(d * d), new Float64Array(67)];
      for (const kernels of [wasmKernels, referenceKernels]) {
        kernels.blocks(scaled).gram(rows, gram, rowScale);
        kernels.blocks(scaled).scores(rows, scores, rowScale);
        expect(gram.every(Number.isFinite)).toBe(true);
        expect(scores.every(Number.isFinite)).toBe(true);
        expect(scores[66]).toBe(0);
      }
    }
  });

  it('never finds a score of a NaN small', () => {
    const example = makeCase(3, 20, 7, { factor: true });
    example.rows[10 * 7 + 6] = Number.NaN;
    scoresOf(wasmKernels.blocks(example.plan), example).forEach((score, i) => {
      expect(Number.isNaN(score)).toBe(i === 10);
    });
  });

  it('keeps many kernels apart that take turns, more than the memory holds at once', () => {
    const examples = Array.from({ length: 120 }, (_, i) =>
      makeCase(
        i,
        40 + i,
        60 + (i % 7),
        { factor: true, transform: i % 3 === 0, rowScale: i % 2 === 0, wide: i % 5 === 0 },
        64,
      ),
    );
    const together = examples.map(({ plan }) => wasmKernels.blocks(plan));
    const alone = examples.map((example) => {
      const kernel = wasmKernels.blocks(example.plan);
      return [gramOf(kernel, example), scoresOf(kernel, example)];
    });
    together.forEach((kernel, i) => {
      expectSame(gramOf(kernel, examples[i]), alone[i][0]);
    });
    together.forEach((kernel, i) => {
      expectSame(scoresOf(kernel, examples[i]), alone[i][1]);
    });
  });

  it('takes block after block, of either type, and forgets the one before', () => {
    const plan = { d: 5, factor: numbersOf(25) };
    const kernel = wasmKernels.blocks(plan);
    for (const [seed, count, wide] of [
      [1, 1024, true],
      [2, 3, false],
      [3, 65, true],
      [4, 1, false],
    ] as const) {
      const example = { ...makeCase(seed, count, 5, { wide, rowScale: wide }), plan };
      const fresh = wasmKernels.blocks(plan);
      expectSame(gramOf(kernel, example), gramOf(fresh, example));
      expectSame(scoresOf(kernel, example), scoresOf(fresh, example));
    }
  });
});

function numbersOf(length: number): Float64Array {
  return filled(new Float64Array(length), numbers(length));
}
