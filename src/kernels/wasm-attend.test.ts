/** Attention in WASM against float64, and against what attention must do whatever the numbers are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../random.js';
import type { AttendCall } from './kernels.js';
import { referenceAttend } from './reference-attend.js';
import { wasmAttend } from './wasm-attend.js';

type Inputs = Omit<AttendCall, 'out'>;

function inputs(seed: number, m: number, n: number, d: number, dv: number, size: number): Inputs {
  const next = randomStream(seed).normal;
  const q = new Float32Array(m * d).map(next);
  const k = new Float32Array(n * d).map(next);
  const v = new Float32Array(n * dv).map(next);
  return { q, k, v, m, n, d, dv, scale: size / Math.sqrt(d) };
}

function narrow(call: Inputs): Float32Array {
  const out = new Float32Array(call.m * call.dv).fill(Number.NaN);
  wasmAttend({ ...call, out });
  return out;
}

function exact(call: Inputs): Float64Array {
  const out = new Float64Array(call.m * call.dv);
  referenceAttend({ ...call, out });
  return out;
}

/** The error in Frobenius norm, relative to the oracle's. */
function error(call: Inputs): number {
  const [result, oracle] = [narrow(call), exact(call)];
  let difference = 0;
  let size = 0;
  oracle.forEach((x, i) => {
    difference += (x - result[i]) ** 2;
    size += x * x;
  });
  return size === 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
}

/** What the fuzzer chooses of a call. */
type FuzzedShape = Omit<Inputs, 'q' | 'k' | 'v' | 'scale'> & { seed: number; shape: string; seen: boolean };

const causal = (m: number, n: number) => Uint32Array.from({ length: m }, (_, i) => Math.min(i + 1, n));

describe('WASM attention', () => {
  it('agrees with float64 within 1e-5 for any shape, weight and limits, at logits up to 50', () => {
    const cases = fc.record({
      seed: fc.nat(),
      m: fc.integer({ min: 1, max: 40 }),
      n: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(127, 128, 129, 300)),
      d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(63, 64, 65, 130)),
      dv: fc.integer({ min: 1, max: 20 }),
      size: fc.constantFrom(0, 0.1, 1, 15, -3),
      power: fc.constantFrom(undefined, undefined, 0.5, 1, 1.5, 2, 3, 4, 6, 12),
      limits: fc.constantFrom('none', 'causal', 'random'),
    });
    fc.assert(
      fc.property(cases, ({ seed, m, n, d, dv, size, power, limits }) => {
        const call = inputs(seed, m, n, d, dv, size);
        const next = randomStream(seed, 1).normal;
        const random = () =>
          Uint32Array.from({ length: m }, () => Math.min(n, Math.floor(Math.abs(next()) * n)));
        const seen = limits === 'none' ? undefined : limits === 'causal' ? causal(m, n) : random();
        // Where the values cancel, the error is relative to them, not to what is left.
        const positive = call.v.map(Math.abs);
        expect(error({ ...call, v: positive, power, limits: seen })).toBeLessThan(1e-5);
      }),
      { numRuns: 500 },
    );
  });

  it.each([undefined, 2])('agrees where queries and keys come in chunks (power %s)', (power) => {
    // Dimension 2100 leaves room for 896 keys and 56 queries at a time.
    const limits = causal(70, 1000).fill(1000, 30);
    expect(error({ ...inputs(1, 70, 1000, 2100, 2100, 1), power, limits })).toBeLessThan(1e-5);
  });

  it('agrees on long sequences', () => {
    for (const size of [0.01, 1, 10]) expect(error(inputs(2, 4, 100_000, 8, 4, size))).toBeLessThan(1e-5);
  });

  it('has a few units in the last place of float32 where logits are small', () => {
    for (const power of [undefined, 0.5, 1, 2, 3, 4, 12])
      expect(error({ ...inputs(11, 64, 256, 16, 8, 1), power })).toBeLessThan(8e-7);
  });

  it('takes logits beyond the range of float32', () => {
    const call = inputs(12, 5, 20, 4, 3, 1);
    expect(error({ ...call, q: call.q.map((x) => x * 1e25), k: call.k.map((x) => x * 1e25) })).toBeLessThan(
      1e-6,
    );
  });

  /** Queries and keys that share a mean far larger than what tells them apart, or are of one number each, or nearly orthogonal. */
  function shaped(call: Inputs, shape: string): Inputs {
    const { d } = call;
    const [q, k] = [call.q, call.k].map((rows) => Float32Array.from(rows));
    if (shape === 'a shared mean')
      return { ...call, q: q.map((x) => x + 30), k: k.map((x) => x / 10 + 30), scale: call.scale / 900 };
    if (shape === 'constant rows') {
      const constant = (rows: Float32Array) => rows.map((_, at) => Math.abs(rows[at - (at % d)]));
      return { ...call, q: constant(q), k: constant(k) };
    }
    if (shape !== 'nearly orthogonal') return call;
    const orthogonal = k.map((x, at) => {
      const c = at % d;
      const pair = q[c + 1] * k[at + 1];
      return c % 2 === 1 ? -q[c - 1] * x : c + 1 < d ? pair + 1e-4 * x : 1e-4 * x;
    });
    return { ...call, q: q.map((_, at) => q[at % d]), k: orthogonal };
  }

  const hard = {
    seed: fc.nat(),
    m: fc.integer({ min: 1, max: 20 }),
    n: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constantFrom(129, 300)),
    d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 130)),
    dv: fc.integer({ min: 1, max: 9 }),
    shape: fc.constantFrom('Gaussian', 'a shared mean', 'constant rows', 'nearly orthogonal'),
    seen: fc.boolean(),
  };
  function hardCall({ seed, m, n, d, dv, shape, seen }: FuzzedShape, size: number): Inputs {
    const call = shaped(inputs(seed, m, n, d, dv, size), shape);
    return { ...call, v: call.v.map(Math.abs), limits: seen ? causal(m, n) : undefined };
  }

  it('agrees with float64 within 1e-5 at logits of any size', () => {
    const size = fc.integer({ min: 0, max: 60 }).map((tenths) => 10 ** (tenths / 10));
    fc.assert(
      fc.property(fc.record(hard), size, (shape, logits) => {
        expect(error(hardCall(shape, logits))).toBeLessThan(1e-5);
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with float64 within 1e-5 where rounding errors all go one way, and logits are just small enough for float32', () => {
    const next = randomStream(13).uniform;
    for (let trial = 0; trial < 200; trial++) {
      const { q, k, ...rest } = inputs(trial, 8, 32, 64, 8, 8 / 64);
      const number = 1 + next();
      const key = k.slice();
      for (let at = 0; at < key.length; at += 64) key.fill((13.8 - 2 * next()) / number, at, at + 64);
      expect(error({ ...rest, q: q.slice().fill(number), k: key })).toBeLessThan(1e-5);
    }
  });

  it.each([0.01, 0.1, 0.5, 1, 2, 3, 7, 40, 1000])('agrees with float64 within 1e-5 at power %d', (power) => {
    fc.assert(
      fc.property(fc.record(hard), (shape) => {
        expect(error({ ...hardCall(shape, 1), power })).toBeLessThan(1e-5);
      }),
      { numRuns: 100 },
    );
  });

  it('weighs by a small power products whose ratio is below float32', () => {
    const q = Float32Array.of(1, 0);
    const k = Float32Array.of(1e20, 0, 1e-22, 0, 0, 1);
    const call = { q, k, v: Float32Array.of(1, 2, 4), m: 1, n: 3, d: 2, dv: 1, scale: 1, power: 0.01 };
    const weight = (k[2] / k[0]) ** 0.01;
    expect(narrow(call)[0]).toBeCloseTo((1 + 2 * weight) / (1 + weight), 6);
  });

  it('looks at one key where all other weights vanish', () => {
    const call = inputs(3, 8, 200, 1, 1, 1);
    call.q.fill(-1e6);
    expect(error(call)).toBeLessThan(1e-6);
  });

  it.each([
    [1e-18, 1e17],
    [1e17, 1e-18],
    [1e17, 1e17],
    [1e-18, 1e-18],
    [1e37, 1e37],
    [1e-37, 1e-37],
    [1, 1e-40],
    [1e-37, 1e37],
    [1, 0],
    [0, 1],
  ])('takes queries at scale %d with keys at scale %d', (query, key) => {
    for (const power of [undefined, 1, 2, 3.5, 4]) {
      const call = inputs(4, 20, 50, 12, 5, 1);
      const q = call.q.map((x) => x * query);
      const k = call.k.map((x) => x * key);
      const scale = query * key === 0 ? 1 : 1 / query / key;
      expect(error({ ...call, q, k, scale, power })).toBeLessThan(1e-5);
    }
  });

  it('hands float64 to the reference', () => {
    const call = inputs(5, 6, 9, 4, 3, 1);
    const q = Float64Array.from(call.q);
    const out = new Float64Array(18);
    wasmAttend({ ...call, q, out });
    expect(out).toEqual(exact({ ...call, q }));
  });

  describe('lets a query see exactly its prefix', () => {
    const call = inputs(6, 150, 150, 16, 9, 1);
    const prefix = 100 * 9;
    const changed = (key: number) => {
      const other = { ...call, k: call.k.slice(), v: call.v.slice() };
      other.k.fill(key, 100 * 16);
      other.v.fill(1e30, prefix);
      return other;
    };

    it.each([undefined, 2, 3])('to the last bit among keys of like size (power %s)', (power) => {
      const before = narrow({ ...call, power, limits: causal(150, 150) });
      const after = narrow({ ...changed(1), power, limits: causal(150, 150) });
      expect(after.subarray(0, prefix)).toEqual(before.subarray(0, prefix));
      expect(after.subarray(prefix)).not.toEqual(before.subarray(prefix));
    });

    it('to its accuracy where hidden keys are so large that scores are float64', () => {
      const before = exact({ ...call, limits: causal(150, 150) }).subarray(0, prefix);
      for (const size of [3, 1e10, 1e30]) {
        const after = narrow({ ...changed(size), limits: causal(150, 150) });
        before.forEach((x, i) => {
          expect(Math.abs(after[i] - x)).toBeLessThan(1e-5);
        });
      }
    });
  });

  it('gives zero rows to queries that see nothing, or nothing that weighs', () => {
    const call = inputs(7, 12, 140, 5, 6, 1);
    const limits = new Uint32Array(12).fill(140);
    limits[3] = 0;
    limits[11] = 0;
    const q = call.q.slice().fill(0, 4 * 5, 5 * 5);
    for (const power of [undefined, 0.5, 2, 3]) {
      const result = narrow({ ...call, q, power, limits });
      for (let i = 0; i < 12; i++) {
        const row = result.subarray(i * 6, i * 6 + 6);
        const empty = i === 3 || i === 11 || (i === 4 && power !== undefined);
        expect(row.every((x) => x === 0)).toBe(empty);
      }
    }
    expect([...narrow({ ...call, limits: new Uint32Array(12) })].every((x) => x === 0)).toBe(true);
    expect([...narrow({ ...call, q: new Float32Array(60), power: 2 })].every((x) => x === 0)).toBe(true);
  });

  it('leaves no trace of one call in the next', () => {
    const small = inputs(8, 3, 5, 6, 7, 1);
    const before = narrow(small);
    const poisoned = inputs(9, 200, 300, 40, 40, 1);
    poisoned.v.fill(Number.NaN);
    narrow(poisoned);
    expect(narrow(small)).toEqual(before);
  });

  it.each([undefined, 0.5, 2])('refuses to hide non-finite queries and keys (power %s)', (power) => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const call = inputs(10, 9, 10, 4, 2, 1);
      call.q[0] = bad;
      const result = narrow({ ...call, power });
      expect(result.subarray(0, 2).some(Number.isNaN)).toBe(true);
      expect(result.subarray(2).some(Number.isNaN)).toBe(false);
    }
  });
});
