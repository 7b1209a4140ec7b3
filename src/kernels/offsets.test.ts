/** Masks and log-weights of keys in the kernels of attention: against the definition, and WASM against float64. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import type { AttendCall, AttendMask } from './kernels.js';
import { referenceAttend } from './reference-attend.js';
import { wasmAttend } from './wasm-attend.js';

type Inputs = Omit<AttendCall, 'out'> & Record<'q' | 'k' | 'v', Float32Array>;

function inputs(seed: number, m: number, n: number, d: number, dv: number, size: number): Inputs {
  const next = randomStream(seed).normal;
  const [q, k, v] = [m * d, n * d, n * dv].map((length) => new Float32Array(length).map(next));
  return { q, k, v: v.map(Math.abs), m, n, d, dv, scale: size / Math.sqrt(d) };
}

/** Outputs and logarithms of the sums of weights. */
function attended(attend: (call: AttendCall) => void, call: Inputs, out: Floats) {
  const logSums = new Float64Array(call.m).fill(Number.NaN);
  attend({ ...call, out, logSums });
  return { out, logSums };
}
const single = (call: Inputs) =>
  attended(wasmAttend, call, new Float32Array(call.m * call.dv).fill(Number.NaN));
const double = (call: Inputs) => attended(referenceAttend, call, new Float64Array(call.m * call.dv));

function visible({ n, limits, mask, logWeights }: Inputs, i: number): number[] {
  return [...Array(limits ? limits[i] : n).keys()].filter(
    (j) =>
      (logWeights?.[j] ?? 0) > Number.NEGATIVE_INFINITY &&
      (!mask ||
        (mask.data instanceof Uint8Array
          ? mask.data[i * mask.stride + j * mask.step] !== 0
          : mask.data[i * mask.stride + j * mask.step] > Number.NEGATIVE_INFINITY)),
  );
}

/** One output and log sum by the formula alone, for numbers that neither overflow nor vanish. */
function byFormula(call: Inputs, i: number, column: number) {
  const { q, k, v, d, dv, scale, power, mask, logWeights } = call;
  let sum = 0;
  let total = 0;
  for (const j of visible(call, i)) {
    let dot = 0;
    for (let c = 0; c < d; c++) dot += q[i * d + c] * k[j * d + c];
    const entry = mask && !(mask.data instanceof Uint8Array) ? mask.data[i * mask.stride + j * mask.step] : 0;
    const f = power === undefined ? Math.exp(scale * dot) : Math.abs(dot) ** power;
    const w = f * Math.exp((logWeights?.[j] ?? 0) + entry);
    sum += w * v[j * dv + column];
    total += w;
  }
  return { out: total === 0 ? 0 : sum / total, logSum: Math.log(total) };
}

const log = (weights: number[]) => Float64Array.from(weights, Math.log);

/** Entries of masks and log-weights, from those that do nothing to those that hide all but one key. */
const entries: Record<string, (next: () => number) => number> = {
  small: (next) => next(),
  'some hidden': (next) => (next() > 0.5 ? Number.NEGATIVE_INFINITY : next()),
  'nearly all hidden': (next) => (next() > -1.5 ? Number.NEGATIVE_INFINITY : next()),
  'all hidden': () => Number.NEGATIVE_INFINITY,
  'far apart': (next) => 1000 * next(),
  'far below': (next) => next() - 1e7,
  'as libraries hide': (next) => (next() > 0 ? -3.4028234663852886e38 : 0),
  'all as libraries hide': () => -3.4028234663852886e38,
  'the least of all numbers': () => -Number.MAX_VALUE,
  large: (next) => 1e5 + 10 * next(),
};

function maskOf(
  kind: string,
  form: string,
  m: number,
  n: number,
  next: () => number,
): AttendMask | undefined {
  const [rows, columns] = { full: [m, n], 'one row': [1, n], 'one column': [m, 1], one: [1, 1] }[form] ?? [
    m,
    n,
  ];
  const layout = { stride: rows === 1 ? 0 : columns, step: columns === 1 ? 0 : 1 };
  if (kind === 'visible or not')
    return { data: Uint8Array.from({ length: rows * columns }, () => (next() > 0 ? 0 : 3)), ...layout };
  const data = Float64Array.from({ length: rows * columns }, () => entries[kind](next));
  return { data: form === 'full' ? Float32Array.from(data) : data, ...layout };
}

const kinds = Object.keys(entries);

describe('masks and log-weights', () => {
  const shape = {
    seed: fc.nat(),
    m: fc.integer({ min: 1, max: 30 }),
    n: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(127, 129, 300)),
    d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64)),
    dv: fc.integer({ min: 1, max: 9 }),
    limited: fc.boolean(),
    mask: fc.constantFrom(undefined, 'visible or not', ...kinds),
    form: fc.constantFrom('full', 'one row', 'one column', 'one'),
    logWeights: fc.constantFrom(undefined, ...kinds),
  };
  type Shape = { [K in keyof typeof shape]: (typeof shape)[K] extends fc.Arbitrary<infer T> ? T : never };

  function call({ seed, m, n, d, dv, limited, mask, form, logWeights }: Shape, size: number): Inputs {
    const { normal, uniform } = randomStream(seed, 1);
    return {
      ...inputs(seed, m, n, d, dv, size),
      limits: limited ? Uint32Array.from({ length: m }, () => Math.floor(uniform() * (n + 1))) : undefined,
      mask: mask === undefined ? undefined : maskOf(mask, form, m, n, normal),
      logWeights:
        logWeights === undefined
          ? undefined
          : Float64Array.from({ length: n }, () => entries[logWeights](normal)),
    };
  }

  it('are what the formula says, in float64', () => {
    const tame = (kind: string | undefined) => kind === undefined || /^(small|visible|.*hidden)/.test(kind);
    fc.assert(
      fc.property(fc.record(shape), fc.constantFrom(undefined, 0.5, 2, 3), (options, power) => {
        fc.pre(tame(options.mask) && tame(options.logWeights));
        const inputs = { ...call(options, 1), power };
        const { out, logSums } = double(inputs);
        for (let i = 0; i < inputs.m; i++) {
          const expected = byFormula(inputs, i, i % inputs.dv);
          expect(out[i * inputs.dv + (i % inputs.dv)]).toBeCloseTo(expected.out, 11);
          if (expected.logSum === Number.NEGATIVE_INFINITY) expect(logSums[i]).toBe(expected.logSum);
          else expect(logSums[i]).toBeCloseTo(expected.logSum, 10);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('agree with float64 within 1e-5 in WASM, and so do the logarithms of the sums', () => {
    const size = fc.constantFrom(0, 0.1, 1, 5, 50, 1e5, -3);
    const power = fc.constantFrom(undefined, undefined, 0.01, 0.5, 1, 2, 3.5, 4, 40);
    fc.assert(
      fc.property(fc.record(shape), size, power, (options, size, power) => {
        const inputs = { ...call(options, size), power };
        const [found, expected] = [single(inputs), double(inputs)];
        let difference = 0;
        let norm = 0;
        expected.out.forEach((x, i) => {
          difference += (x - found.out[i]) ** 2;
          norm += x * x;
        });
        expect(Math.sqrt(difference)).toBeLessThanOrEqual(1e-5 * Math.sqrt(norm));
        expected.logSums.forEach((x, i) => {
          if (x === Number.NEGATIVE_INFINITY) expect(found.logSums[i]).toBe(x);
          else expect(Math.abs(found.logSums[i] - x)).toBeLessThan(1e-5 + 1e-12 * Math.abs(x));
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('give zero rows to queries whose keys all are hidden, and to no others', () => {
    const base = inputs(3, 20, 150, 8, 5, 1);
    const data = new Uint8Array(20 * 150).fill(1);
    for (const i of [0, 7, 13]) data.fill(0, i * 150, (i + 1) * 150);
    for (const power of [undefined, 2]) {
      const { out, logSums } = single({ ...base, power, mask: { data, stride: 150, step: 1 } });
      for (let i = 0; i < 20; i++) {
        const hidden = [0, 7, 13].includes(i);
        expect(out.subarray(i * 5, i * 5 + 5).every((x) => x === 0)).toBe(hidden);
        expect(logSums[i] === Number.NEGATIVE_INFINITY).toBe(hidden);
      }
    }
  });

  it('count a key as often as its weight says', () => {
    const n = 10;
    const few = inputs(4, 9, n, 4, 3, 1);
    const counts = [...Array(n).keys()].map((j) => 1 + ((j * 7) % 4));
    const rows = counts.flatMap((count, j) => Array<number>(count).fill(j));
    const repeated = (data: Float32Array, width: number) =>
      Float32Array.from(rows.flatMap((j) => [...data.subarray(j * width, (j + 1) * width)]));
    const many = { ...few, n: rows.length, k: repeated(few.k, 4), v: repeated(few.v, 3) };
    for (const power of [undefined, 2, 3]) {
      const weighted = double({ ...few, power, logWeights: log(counts) });
      const expected = double({ ...many, power });
      weighted.out.forEach((x, i) => {
        expect(x).toBeCloseTo(expected.out[i], 12);
      });
      weighted.logSums.forEach((x, i) => {
        expect(x).toBeCloseTo(expected.logSums[i], 12);
      });
    }
  });

  it('of zero change no bit of softmax', () => {
    const base = inputs(5, 30, 200, 16, 7, 1);
    const plain = single(base);
    expect(single({ ...base, logWeights: new Float64Array(200) })).toEqual(plain);
    expect(single({ ...base, mask: { data: new Uint8Array(1).fill(1), stride: 0, step: 0 } })).toEqual(plain);
  });

  it('keep what follows a hidden tile, and queries in chunks', () => {
    // Dimension 2100 leaves room for 896 keys and 56 queries at a time.
    const base = inputs(6, 70, 1000, 2100, 3, 1);
    const data = Float32Array.from({ length: 70_000 }, (_, at) =>
      at % 1000 < 300 && at > 7000 ? Number.NEGATIVE_INFINITY : (at % 13) / 4,
    );
    const call = { ...base, mask: { data, stride: 1000, step: 1 }, logWeights: log(Array(1000).fill(3)) };
    const [found, expected] = [single(call).out, double(call).out];
    expected.forEach((x, i) => {
      expect(Math.abs(found[i] - x)).toBeLessThan(1e-5);
    });
  });
});
