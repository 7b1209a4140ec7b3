import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { useKernels } from '../kernels/load.js';
import { referenceKernels } from '../kernels/reference.js';
import { wasmKernels } from '../kernels/wasm.js';
import type { FloatTensor } from '../keys.js';
import { huber } from '../weights/huber.js';
import { power } from '../weights/power.js';
import { exactAttention, exactAttentionAsync } from './exact.js';
import type { AttentionOptions } from './inputs.js';
import { distance, naiveAttention, randomTensor, toFloat32 } from './testing.js';

const shapes: Record<string, [number[], number[], number[]]> = {
  'one matrix': [
    [7, 4],
    [7, 4],
    [7, 4],
  ],
  'one query': [
    [1, 3],
    [9, 3],
    [9, 3],
  ],
  'one key': [
    [1, 3],
    [1, 3],
    [1, 2],
  ],
  'one column': [
    [5, 1],
    [6, 1],
    [6, 1],
  ],
  rectangular: [
    [5, 8],
    [23, 8],
    [23, 3],
  ],
  'wide values': [
    [5, 2],
    [6, 2],
    [6, 37],
  ],
  heads: [
    [2, 3, 6, 5],
    [2, 3, 11, 5],
    [2, 3, 11, 4],
  ],
  'grouped heads': [
    [2, 6, 6, 5],
    [2, 2, 11, 5],
    [2, 2, 11, 4],
  ],
  'one key head': [
    [1, 4, 9, 16],
    [1, 1, 33, 16],
    [1, 1, 33, 16],
  ],
  'a vision transformer head': [
    [197, 64],
    [197, 64],
    [197, 64],
  ],
};
const weights: Record<string, AttentionOptions['weights']> = {
  softmax: 'softmax',
  'power 2': 2,
  'power 0.5': power(0.5),
  'power 3': power(3),
  'power 7.3': 7.3,
};
const cases = Object.entries(shapes).flatMap(([shapeName, [q, k, v]]) =>
  Object.entries(weights).flatMap(([weightName, weight]) =>
    (['none', 'causal'] as const).map((mask) => ({
      name: `${shapeName}, ${weightName}, mask ${mask}`,
      q,
      k,
      v,
      weight,
      mask,
    })),
  ),
);

/** Float32 heads whose products are about `size`, and differ by some units. */
function tiedTensors(size: number) {
  const q = randomTensor([1, 4, 9, 32], 1);
  const k = randomTensor([1, 2, 140, 32], 2);
  const [base, v] = [Math.sqrt(size / 32), randomTensor([1, 2, 140, 4], 3, true)];
  const queries = { ...q, data: q.data.map((x) => base * (1 + x / 50)) };
  const keys = { ...k, data: k.data.map((x) => base + x / base / 10) };
  return [toFloat32(queries), toFloat32(keys), v] as const;
}

describe('exactAttention', () => {
  it.each(cases)('is attention by its definition: $name', ({ q, k, v, weight, mask }) => {
    const inputs = [randomTensor(q, 1), randomTensor(k, 2), randomTensor(v, 3)] as const;
    const p = typeof weight === 'object' ? weight.power : weight;
    const options = { power: p === 'softmax' ? undefined : p, causal: mask === 'causal' };
    const double = exactAttention(...inputs, { weights: weight, mask });
    expect(double.data).toBeInstanceOf(Float64Array);
    expect(double.shape).toEqual([...q.slice(0, -1), v[v.length - 1]]);
    expect(distance(double.data, naiveAttention(...inputs, options).out)).toBeLessThan(1e-12);
    const [q32, k32, v32] = inputs.map(toFloat32);
    const single = exactAttention(q32, k32, v32, { weights: weight, mask });
    expect(single.data).toBeInstanceOf(Float32Array);
    expect(distance(single.data, naiveAttention(q32, k32, v32, options).out)).toBeLessThan(1e-5);
  });

  it.each(['none', 'causal'] as const)('is the same in blocks of queries, mask %s', (mask) => {
    const q = randomTensor([2000, 16], 1, true);
    const k = randomTensor([4096, 16], 2, true);
    const { data } = exactAttention(q, k, k, { mask });
    // The last queries by themselves are the same causal rows; the first 3 of them are not in the last block of all.
    const count = 2000 - 3 * 512 + 3;
    const last = exactAttention({ data: q.data.subarray(-count * 16), shape: [count, 16] }, k, k, { mask });
    expect(distance(data.subarray(-count * 16), last.data)).toBeLessThan(1e-6);
    const first = { data: q.data.subarray(0, 3 * 16), shape: [3, 16] };
    const seen = mask === 'none' ? 4096 : 4096 - 2000 + 3;
    const few = { data: k.data.subarray(0, seen * 16), shape: [seen, 16] };
    expect(
      distance(data.subarray(0, 3 * 16), naiveAttention(first, few, few, { causal: mask === 'causal' }).out),
    ).toBeLessThan(1e-5);
  });

  describe.each([wasmKernels, referenceKernels])('in float32 on the kernels "$name"', (chosen) => {
    beforeAll(() => {
      const before = useKernels(chosen);
      return () => useKernels(before);
    });

    it.each([
      1, 10, 100, 1e3, 1e4, 1e5, 1e6,
    ])('is within 1e-5 of float64 where logits of %d share all but a few units', (size) => {
      for (const mask of ['none', 'causal'] as const) {
        const [q, k, v] = tiedTensors(size);
        const { data } = exactAttention(q, k, v, { mask, scale: 1 });
        const heads = naiveAttention(q, k, v, { causal: mask === 'causal', scale: 1 }).out;
        for (let at = 0; at < data.length; at += 9 * 4)
          expect(distance(data.slice(at, at + 9 * 4), heads.slice(at, at + 9 * 4))).toBeLessThan(1e-5);
      }
    });

    it.each([64, 256, 1024, 4096])('is within 1e-5 of float64 for rows of one number, %d times', (d) => {
      for (let step = 1; step <= 24; step++) {
        // The rounding errors of such products all go one way, and the keys are of nearly equal weight.
        const size = Math.sqrt((0.6 * step) / d);
        const q = { data: new Float32Array(d).fill(size), shape: [1, d] };
        const k = { data: new Float32Array(2 * d).fill(size).fill(0.98 * size, d), shape: [2, d] };
        const v = { data: Float32Array.of(1, -1), shape: [2, 1] };
        const { data } = exactAttention(q, k, v, { scale: 1 });
        const { out } = naiveAttention(q, k, v, { scale: 1 });
        expect(Math.abs(data[0] - out[0])).toBeLessThan(1e-5);
      }
    });

    it.each([0.01, 0.1, 0.5, 1, 2, 3, 7, 40, 1e4])('is within 1e-5 of float64 at power %d', (weights) => {
      const [q, k, v] = tiedTensors(1000);
      for (const mask of ['none', 'causal'] as const)
        for (const keys of [k, randomTensor(k.shape, 4, true)]) {
          const { data } = exactAttention(q, keys, v, { mask, weights });
          const oracle = naiveAttention(q, keys, v, { causal: mask === 'causal', power: weights }).out;
          expect(distance(data, oracle)).toBeLessThan(1e-5);
        }
    });
  });

  it('takes a scale', () => {
    const [q, k, v] = [randomTensor([4, 3], 1), randomTensor([6, 3], 2), randomTensor([6, 2], 3)];
    const { data } = exactAttention(q, k, v, { scale: 2.5 });
    expect(distance(data, naiveAttention(q, k, v, { scale: 2.5 }).out)).toBeLessThan(1e-12);
  });

  it('computes in float64 when one of the three is', () => {
    const [q, k, v] = [randomTensor([4, 3], 1, true), randomTensor([6, 3], 2), randomTensor([6, 2], 3, true)];
    const { data } = exactAttention(q, k, v);
    expect(data).toBeInstanceOf(Float64Array);
    expect(distance(data, naiveAttention(q, k, v).out)).toBeLessThan(1e-12);
  });

  it('takes dims in place of shape', () => {
    const q: FloatTensor = { data: Float32Array.of(1, 2), dims: [1, 2] };
    expect(exactAttention(q, q, q).data).toEqual(q.data);
  });

  it('does not change when a constant vector is added to all keys (softmax)', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }), (seed, n, d) => {
        const [q, k, v] = [
          randomTensor([3, d], seed),
          randomTensor([n, d], seed + 1),
          randomTensor([n, 2], seed + 2),
        ];
        const moved = { shape: k.shape, data: k.data.map((x, i) => x + 5 * Math.cos(i % d)) };
        expect(distance(exactAttention(q, moved, v).data, exactAttention(q, k, v).data)).toBeLessThan(1e-12);
      }),
      { numRuns: 50 },
    );
  });

  describe.each([
    ['float32', Float32Array],
    ['float64', Float64Array],
  ])('at the ends of the range, %s', (_, Floats) => {
    const tensor = (rows: number[][]) => ({
      data: Floats.from(rows.flat()),
      shape: [rows.length, rows[0].length],
    });
    const q = tensor([[1, 2]]);
    const k = tensor([
      [3, 1],
      [1, -1],
      [2, 2],
    ]);
    const v = tensor([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    const times = (x: { data: Float32Array | Float64Array; shape: number[] }, factor: number) => ({
      ...x,
      data: x.data.map((entry) => entry * factor),
    });

    it.each([1e4, 1e15, 1e18])('looks at the largest logit alone when they are huge: %d', (factor) => {
      expect(Array.from(exactAttention(times(q, factor), times(k, factor), v).data)).toEqual([3, 30]);
    });

    it.each([
      2 ** -100,
      2 ** -55,
      2 ** 55,
      2 ** 100,
    ])('has power weights that do not depend on scale: %d', (factor) => {
      const { data } = exactAttention(times(q, factor), times(k, factor), v, { weights: 2 });
      // The products are 5, -1 and 6.
      expect(data[0]).toBeCloseTo((25 + 2 + 3 * 36) / 62, 5);
    });

    it('takes values near the largest float32', () => {
      const { data } = exactAttention(times(q, 0), k, times(v, 1e37));
      expect(distance(data, [2e37, 2e38])).toBeLessThan(1e-6);
    });

    it('gives the mean of the values to a zero query, or to zero keys', () => {
      expect(distance(exactAttention(times(q, 0), k, v).data, [2, 20])).toBeLessThan(1e-6);
      expect(distance(exactAttention(q, times(k, 0), v).data, [2, 20])).toBeLessThan(1e-6);
    });

    it('gives a zero row to a query whose power weights are all zero', () => {
      expect(Array.from(exactAttention(times(q, 0), k, v, { weights: 2 }).data)).toEqual([0, 0]);
    });
  });

  it('refuses float64 entries whose products overflow', () => {
    const huge = { data: Float64Array.of(1e200), shape: [1, 1] };
    expect(() => exactAttention(huge, huge, huge)).toThrow(
      /^exactAttention: entries too large .* 1e\+200 in q/,
    );
  });

  const good = randomTensor([2, 2], 1);
  const four = randomTensor([2, 4, 3, 2], 1);
  const withEntry = (value: number, at: number, tensor = four) => ({
    ...tensor,
    data: tensor.data.with(at, value),
  });
  const hostile: [string, [unknown, unknown, unknown, unknown?], RegExp][] = [
    ['no tensor', [undefined, good, good], /q must be \{data, shape\}, got undefined/],
    ['null', [good, null, good], /k must be \{data, shape\}, got null/],
    ['a plain array', [good, good, { data: [1, 2], shape: [1, 2] }], /v: data must be .* got Array/],
    ['no shape', [{ data: good.data }, good, good], /q: shape must be/],
    ['three dimensions', [{ data: good.data, shape: [1, 2, 2] }, good, good], /q: shape .* got \[1,2,2\]/],
    [
      'a wrong size',
      [good, { data: good.data, shape: [3, 2] }, good],
      /k: shape \[3,2\] needs 6 numbers, data has 4/,
    ],
    ['2-D with 4-D', [good, four, four], /same number of dimensions, got q \[2,2\], k \[2,4,3,2\]/],
    ['other batches', [four, randomTensor([1, 4, 3, 2], 1), four], /same batches/],
    [
      'heads of k and v that differ',
      [four, four, randomTensor([2, 2, 3, 2], 1)],
      /k and v must have the same heads/,
    ],
    [
      'heads that are no multiple',
      [four, randomTensor([2, 3, 3, 2], 1), randomTensor([2, 3, 3, 2], 1)],
      /heads of q must be a multiple of the heads of k, got q \[2,4,3,2\], k \[2,3,3,2\], v \[2,3,3,2\]$/,
    ],
    ['other columns', [good, randomTensor([2, 3], 1), good], /q and k must have the same columns/],
    ['other rows', [good, good, randomTensor([3, 2], 1)], /k and v must have the same rows/],
    [
      'NaN',
      [withEntry(Number.NaN, 0), four, four],
      /q must be finite, got NaN at batch 0, head 0, row 0, column 0$/,
    ],
    [
      'infinity',
      [four, withEntry(Number.POSITIVE_INFINITY, 24 + 6 + 1), four],
      /k must be finite, got Infinity at batch 1, head 1, row 0, column 1$/,
    ],
    [
      '-infinity',
      [good, good, withEntry(Number.NEGATIVE_INFINITY, 3, good)],
      /v must be finite, got -Infinity at row 1, column 1$/,
    ],
    [
      'unknown weights',
      [good, good, good, { weights: 'sigmoid' }],
      /weights must be 'softmax', .* got sigmoid$/,
    ],
    [
      'a bounded weight function',
      [good, good, good, { weights: huber(1) }],
      /weights must be .* got huber:1$/,
    ],
    ['null weights', [good, good, good, { weights: null }], /weights must be .* got null$/],
    ['power 0', [good, good, good, { weights: 0 }], /positive number p, got 0$/],
    ['power NaN', [good, good, good, { weights: Number.NaN }], /positive number p, got NaN$/],
    ['scale 0', [good, good, good, { scale: 0 }], /scale must be a positive number, got 0$/],
    [
      'an infinite scale',
      [good, good, good, { scale: Number.POSITIVE_INFINITY }],
      /scale must be .* got Infinity$/,
    ],
    ['a scale of power weights', [good, good, good, { scale: 1, weights: 2 }], /scale belongs to softmax/],
    [
      'an unknown mask',
      [good, good, good, { mask: 'window' }],
      /mask must be 'none' or 'causal', got window$/,
    ],
    [
      'a causal mask with more queries than keys',
      [randomTensor([3, 2], 1), good, good, { mask: 'causal' }],
      /at least as many keys as queries, got q \[3,2\], k \[2,2\]/,
    ],
  ];
  it.each(hostile)('refuses %s in one line', (_, args, message) => {
    const call = () => exactAttention(...(args as Parameters<typeof exactAttention>));
    expect(call).toThrow(message);
    expect(call).toThrow(/^exactAttention: [^\n]*$/);
  });

  it('reports its progress, lets the event loop run and can be aborted', async () => {
    const q = randomTensor([1, 8, 600, 16], 1, true);
    const k = randomTensor([1, 8, 4096, 16], 2, true);
    const done: number[] = [];
    let timers = 0;
    const timer = setInterval(() => timers++);
    const { data } = await exactAttentionAsync(q, k, k, {
      onProgress: ({ phase, done: queries, total }) => {
        expect([phase, total]).toEqual(['attention', 4800]);
        done.push(queries);
      },
    });
    clearInterval(timer);
    expect(data).toEqual(exactAttention(q, k, k).data);
    expect(done.length).toBeGreaterThan(3);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(timers).toBeGreaterThan(0);
    const controller = new AbortController();
    const aborted = exactAttentionAsync(q, k, k, {
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(aborted).rejects.toThrow('enough');
  });
});
