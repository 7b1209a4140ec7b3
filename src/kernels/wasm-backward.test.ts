/** Gradients of attention: float64 against finite differences, WASM against float64. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Floats } from '../keys.js';
import { randomStream } from '../random.js';
import type { AttendBackwardCall, AttendCall } from './kernels.js';
import { referenceAttend, referenceBackward } from './reference-attend.js';
import { wasmAttend } from './wasm-attend.js';
import { wasmBackward } from './wasm-backward.js';

type Inputs = Omit<AttendCall, 'out'> & { readonly dOut: Floats; readonly dLogSums?: Float64Array };

function inputs(seed: number, m: number, n: number, d: number, dv: number, size: number): Inputs {
  const next = randomStream(seed).normal;
  const [q, k, v, dOut] = [m * d, n * d, n * dv, m * dv].map((length) => new Float32Array(length).map(next));
  return { q, k, v, dOut, m, n, d, dv, scale: size / Math.sqrt(d) };
}

function gradients(call: Inputs, single: boolean) {
  const { m, n, d, dv } = call;
  const floats = (size: number) =>
    (single ? new Float32Array(size) : new Float64Array(size)).fill(Number.NaN);
  const out = floats(m * dv);
  const normalisers = new Float64Array(2 * m);
  const result = {
    dQ: floats(m * d),
    dK: new Float64Array(n * d),
    dV: new Float64Array(n * dv),
    dLogWeights: new Float64Array(n),
  };
  (single ? wasmAttend : referenceAttend)({ ...call, out, normalisers });
  const backward: AttendBackwardCall = { ...call, out, normalisers, ...result };
  (single ? wasmBackward : referenceBackward)(backward);
  return result;
}

const names = ['dQ', 'dK', 'dV', 'dLogWeights'] as const;

/** For each gradient the sums of which it is made, over absolute values: what its rounding errors are relative to. */
function magnitudes(call: Inputs) {
  const { q, k, v, dOut, dLogSums, m, n, d, dv, scale, power } = call;
  const identity = Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
  const weights = new Float64Array(m * n);
  referenceAttend({ ...call, v: identity, dv: n, out: weights });
  const sums = {
    dQ: new Float64Array(m * d),
    dK: new Float64Array(n * d),
    dV: new Float64Array(n * dv),
    dLogWeights: new Float64Array(n),
  };
  const product = (a: Floats, i: number, b: Floats, j: number, width: number, size = Math.abs) => {
    let sum = 0;
    for (let c = 0; c < width; c++) sum += size(a[i * width + c] * b[j * width + c]);
    return sum;
  };
  for (let i = 0; i < m; i++) {
    let mean = 0;
    for (let j = 0; j < n; j++) mean += weights[i * n + j] * product(dOut, i, v, j, dv);
    for (let j = 0; j < n; j++) {
      const weight = weights[i * n + j];
      const gradient = weight * (product(dOut, i, v, j, dv) + mean + Math.abs(dLogSums?.[i] ?? 0));
      const dot = product(q, i, k, j, d, (x) => x);
      const slope = gradient * Math.abs(power === undefined ? scale : dot === 0 ? 0 : power / dot);
      sums.dLogWeights[j] += gradient;
      for (let c = 0; c < d; c++) {
        sums.dQ[i * d + c] += slope * Math.abs(k[j * d + c]);
        sums.dK[j * d + c] += slope * Math.abs(q[i * d + c]);
      }
      for (let c = 0; c < dv; c++) sums.dV[j * dv + c] += weight * Math.abs(dOut[i * dv + c]);
    }
  }
  return sums;
}

/** The largest error of a gradient in the Frobenius norm, relative to `sizes`. */
function error(call: Inputs, sizes: Record<(typeof names)[number], Floats>): number {
  const [found, exact] = [gradients(call, true), gradients(call, false)];
  const norm = (numbers: Floats) =>
    Math.sqrt(Float64Array.from(numbers, (x) => x * x).reduce((a, b) => a + b, 0));
  return Math.max(
    ...names.map((name) => {
      const difference = norm(exact[name].map((x, i) => x - found[name][i]));
      return difference === 0 ? 0 : difference / norm(sizes[name]);
    }),
  );
}

const options = {
  limited: fc.boolean(),
  mask: fc.constantFrom('none', 'visible or not', 'added', 'one row'),
  logWeights: fc.constantFrom('none', 'some', 'some hidden'),
  logSums: fc.boolean(),
};
type Options = { limited: boolean; mask: string; logWeights: string; logSums: boolean };

function withOptions(call: Inputs, seed: number, { limited, mask, logWeights, logSums }: Options): Inputs {
  const { m, n } = call;
  const { normal, uniform } = randomStream(seed, 1);
  const hidden = () => (uniform() < 0.3 ? Number.NEGATIVE_INFINITY : normal());
  const data =
    mask === 'visible or not'
      ? Uint8Array.from({ length: m * n }, () => (uniform() < 0.3 ? 0 : 1))
      : Float32Array.from({ length: m * n }, hidden);
  return {
    ...call,
    limits: limited ? Uint32Array.from({ length: m }, () => Math.floor(uniform() * (n + 1))) : undefined,
    mask: mask === 'none' ? undefined : { data, stride: mask === 'one row' ? 0 : n, step: 1 },
    logWeights:
      logWeights === 'none'
        ? undefined
        : Float64Array.from({ length: n }, logWeights === 'some' ? normal : hidden),
    dLogSums: logSums ? Float64Array.from({ length: m }, normal) : undefined,
  };
}

describe('gradients of attention in float64', () => {
  /** The sum whose gradients are asked for. */
  function loss(call: Inputs): number {
    const out = new Float64Array(call.m * call.dv);
    const logSums = new Float64Array(call.m);
    referenceAttend({ ...call, out, logSums });
    const ofOutputs = out.reduce((sum, x, i) => sum + x * call.dOut[i], 0);
    // A query that sees no key has no sum.
    return logSums.reduce(
      (sum, x, i) => sum + (Number.isFinite(x) ? x * (call.dLogSums?.[i] ?? 0) : 0),
      ofOutputs,
    );
  }

  it.each([undefined, 1, 2, 3.5, 4])('are finite differences, for every option (power %s)', (power) => {
    const shape = { seed: fc.nat(), m: fc.integer({ min: 1, max: 4 }), n: fc.integer({ min: 1, max: 5 }) };
    fc.assert(
      fc.property(fc.record(shape), fc.record(options), ({ seed, m, n }, chosen) => {
        const single = inputs(seed, m, n, 3, 2, 2);
        const arrays = { q: single.q, k: single.k, v: single.v, dOut: single.dOut };
        const double = Object.fromEntries(
          Object.entries(arrays).map(([name, data]) => [name, Float64Array.from(data)]),
        );
        const call = { ...withOptions({ ...single, ...double }, seed, chosen), power };
        // A query without any weight has a step there, not a slope.
        fc.pre(!call.limits || power === undefined || call.limits.every((limit) => limit > 0));
        const found = gradients({ ...call, logWeights: call.logWeights ?? new Float64Array(n) }, false);
        const of = { q: found.dQ, k: found.dK, v: found.dV, logWeights: found.dLogWeights };
        for (const [name, gradient] of Object.entries(of)) {
          const at = (call as unknown as Record<string, Float64Array>)[name] ?? new Float64Array(n);
          for (let i = 0; i < at.length; i++) {
            if (at[i] === Number.NEGATIVE_INFINITY) continue;
            const moved = (step: number) => loss({ ...call, [name]: at.with(i, at[i] + step) });
            const step = 1e-6;
            const slope =
              (8 * (moved(step) - moved(-step)) - (moved(2 * step) - moved(-2 * step))) / (12 * step);
            expect(Math.abs(gradient[i] - slope)).toBeLessThan(1e-6 * Math.max(1, Math.abs(slope)) ** 2);
          }
        }
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  it('of a query that sees no key are zero', () => {
    const call = { ...inputs(1, 3, 4, 2, 2, 1), limits: Uint32Array.of(4, 0, 4) };
    for (const single of [false, true]) {
      const { dQ, dK } = gradients(call, single);
      expect([...dQ.subarray(2, 4)]).toEqual([0, 0]);
      const q = call.q.slice();
      q[2] = 1e3;
      expect(gradients({ ...call, q }, single).dK).toEqual(dK);
    }
  });
});

describe('gradients of attention in WASM', () => {
  const shape = {
    seed: fc.nat(),
    m: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(63, 65, 130)),
    n: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(127, 129, 300)),
    d: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(64, 65)),
    dv: fc.integer({ min: 1, max: 20 }),
  };

  it('agree with float64 within 1e-5, for every option and at logits of any size', () => {
    const size = fc.constantFrom(0, 0.1, 1, 5, 30, 1e3, 1e6, -3);
    const power = fc.constantFrom(undefined, undefined, 0.5, 1, 2, 3.5, 4, 12);
    fc.assert(
      fc.property(fc.record(shape), fc.record(options), size, power, (sizes, chosen, size, power) => {
        const { seed, m, n, d, dv } = sizes;
        const call = { ...withOptions(inputs(seed, m, n, d, dv, size), seed, chosen), power };
        expect(error(call, magnitudes(call))).toBeLessThan(1e-5);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [undefined, 1],
    [undefined, 5],
    [undefined, 30],
    [1, 1],
    [2, 1],
    [3.5, 1],
    [4, 1],
  ])('are within 2e-6 of float64, whatever cancels, on Gaussian heads (power %s, logits of size %s)', (power, size) => {
    for (const [m, n] of [
      [197, 197],
      [256, 128],
      [100, 1000],
    ]) {
      const call = { ...inputs(2, m, n, 64, 64, size), power };
      expect(error(call, gradients(call, false))).toBeLessThan(2e-6);
    }
  });

  it('are exactly zero where each query looks at one key alone', () => {
    const call = inputs(3, 70, 200, 16, 40, 1e6);
    const { dQ, dK } = gradients(call, true);
    expect([...dQ, ...dK].every((x) => x === 0)).toBe(true);
  });

  it.each([1e-30, 1e-12, 1e12, 1e30])('are finite and right for numbers of size %d', (size) => {
    for (const power of [undefined, 1, 3]) {
      const base = inputs(4, 20, 50, 8, 5, 1);
      for (const name of ['q', 'k', 'v', 'dOut'] as const) {
        const call = {
          ...base,
          power,
          [name]: base[name].map((x) => x * size),
          scale: name === 'q' || name === 'k' ? 1 / size : 1,
        };
        const exact = gradients(call, false);
        if (names.some((name) => exact[name].some((x) => Math.abs(x) > 1e37))) continue;
        expect(error(call, magnitudes(call))).toBeLessThan(1e-5);
      }
    }
  });

  it('agree where keys come in ranges', () => {
    // Dimension 2100 leaves room for 9 tiles of keys at a time.
    const call = inputs(5, 9, 1300, 2100, 3, 1);
    expect(error(call, magnitudes(call))).toBeLessThan(1e-5);
  });

  it('leave no trace of one call in the next', () => {
    const small = inputs(6, 3, 5, 6, 7, 1);
    const before = gradients(small, true);
    const poisoned = inputs(7, 130, 300, 40, 40, 1);
    for (const name of ['q', 'k', 'v', 'dOut'] as const) {
      const data = poisoned[name].map(() => Number.NaN);
      gradients({ ...poisoned, [name]: data }, true);
    }
    expect(gradients(small, true)).toEqual(before);
  });
});
