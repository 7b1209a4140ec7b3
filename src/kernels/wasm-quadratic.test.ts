/** Quadratic forms in WASM: the reference within the documented rounding, for any shape and both types of rows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../random.js';
import type { QuadraticPlan } from './kernels.js';
import { referenceKernels } from './reference.js';
import { wasmKernels } from './wasm.js';

interface Case {
  readonly plan: QuadraticPlan;
  readonly rows: Float64Array;
}

function makeCase(seed: number, count: number, d: number, plus: number, minus: number, shift: number): Case {
  const { uniform } = randomStream(seed);
  const numbers = (length: number) => Float64Array.from({ length }, () => Math.fround(2 * uniform() - 1));
  return {
    plan: {
      d,
      shift: Math.fround(shift),
      scale: numbers(d).map((x) => Math.fround(2 ** (8 * x))),
      plus: Float32Array.from(numbers(plus * d)),
      minus: Float32Array.from(numbers(minus * d)),
    },
    rows: numbers(count * d),
  };
}

/** Every rounding on the way of a term, times the sizes of the terms. */
function tolerance({ d, scale, shift, plus, minus }: QuadraticPlan, row: Float64Array): number {
  const y = row.map((x, c) => Math.abs(x * scale[c]));
  const norm = Math.sqrt(y.reduce((sum, x) => sum + x * x, 0));
  let sum = shift * norm * norm;
  for (const form of [plus, minus])
    for (let start = 0; start < form.length; start += d) {
      let square = 0;
      for (let c = 0; c < d; c++) square += form[start + c] ** 2;
      sum += square * norm * norm;
    }
  return (2 * (d + 4) + (plus.length + minus.length) / d + 4) * 2 ** -24 * sum;
}

function expectReference({ plan, rows }: Case): void {
  const { d } = plan;
  const count = rows.length / d;
  const expected = new Float32Array(count);
  referenceKernels.quadratic(plan).values(rows, expected);
  const kernel = wasmKernels.quadratic(plan);
  for (const input of [rows, Float32Array.from(rows)]) {
    const values = new Float32Array(count);
    kernel.values(input, values);
    for (let i = 0; i < count; i++) {
      const most = tolerance(plan, rows.subarray(i * d, (i + 1) * d));
      if (!(Math.abs(values[i] - expected[i]) <= most)) expect([i, values[i]]).toEqual([i, expected[i]]);
    }
  }
}

describe('WASM quadratic forms', () => {
  it('agree with the reference for any shape', () => {
    const sizes = { max: 23, min: 1 };
    fc.assert(
      fc.property(
        fc.nat(),
        fc.oneof(fc.integer({ min: 1, max: 140 }), fc.constantFrom(255, 256, 257, 1024)),
        fc.integer(sizes),
        fc.integer({ max: 9, min: 0 }),
        fc.integer({ max: 9, min: 0 }),
        fc.constantFrom(0, 0.7, 300),
        (...args) => expectReference(makeCase(...args)),
      ),
      { numRuns: 300 },
    );
  });

  it('leave the zeros of a triangle out, and nothing else', () => {
    for (const d of [1, 4, 7, 64, 130]) {
      const { plan, rows } = makeCase(d, 70, d, d, 0, 0);
      expectReference({
        plan: { ...plan, plus: plan.plus.map((x, i) => (i % d <= Math.floor(i / d) ? x : 0)) },
        rows,
      });
    }
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e38])('never find a row with %d small', (bad) => {
    for (const [plus, minus] of [
      [0, 0],
      [3, 0],
      [0, 3],
      [4, 5],
    ])
      for (let column = 0; column < 5; column++) {
        const { plan, rows } = makeCase(3, 20, 5, plus, minus, 2);
        rows[10 * 5 + column] = bad;
        for (const input of [rows, Float32Array.from(rows)]) {
          const values = new Float32Array(20);
          wasmKernels.quadratic({ ...plan, scale: plan.scale.fill(1) }).values(input, values);
          values.forEach((value, i) => {
            expect(value < 1e30 && value > Number.NEGATIVE_INFINITY).toBe(i !== 10);
          });
        }
      }
  });

  it('keep float64 rows beyond the range of float32, which the scale brings back', () => {
    const plan = { d: 2, shift: 1, scale: Float64Array.of(1e-200, 1e200), plus: new Float32Array(0) };
    const values = new Float32Array(1);
    wasmKernels
      .quadratic({ ...plan, minus: new Float32Array(0) })
      .values(Float64Array.of(3e200, 4e-200), values);
    expect(values[0]).toBeCloseTo(25, 4);
  });

  it('work in turns with more kernels than the memory holds at once', () => {
    const examples = Array.from({ length: 200 }, (_, i) => makeCase(i, 50, 120 + (i % 5), 8, 4, 1));
    const kernels = examples.map(({ plan }) => wasmKernels.quadratic(plan));
    const valuesOf = (i: number) => {
      const out = new Float32Array(50);
      kernels[i].values(examples[i].rows, out);
      return out;
    };
    const first = examples.map((_, i) => valuesOf(i));
    examples.forEach((_, i) => {
      expect(valuesOf(i)).toEqual(first[i]);
    });
  });
});
