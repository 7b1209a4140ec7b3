/** Gradients of attention: against PyTorch, finite differences and each other; what a pull-back refuses; threads are in test/matrix.test.ts. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Floats, Tensor } from '../keys.js';
import type { Steps } from '../steps.js';
import { exactAttention } from './exact.js';
import { exactAttentionVjp, exactAttentionVjpAsync } from './exact-vjp.js';
import type { AttentionGradients } from './gradients.js';
import type { AttentionOptions } from './inputs.js';
import { type LevAttentionOptions, levAttention } from './lev-attention.js';
import { levAttentionVjp, levAttentionVjpAsync } from './lev-vjp.js';
import type { Grouping } from './tail/stored-pairs.js';
import type { Tail } from './tail/tail.js';
import { distance, randomTensor, type ShapedTensor, toFloat32 } from './testing.js';

interface Plain {
  readonly shape: number[];
  readonly data: (number | null)[];
}
type Named = Readonly<Record<string, Plain>>;
interface TorchCase {
  readonly options: {
    scale?: number;
    p?: number;
    causal?: boolean;
    mask?: 'visible' | 'added';
    logWeights?: boolean;
    keys?: number[];
    members?: number[];
    signs?: number[];
  };
}

const torch: { readonly tensors: Named; readonly cases: (TorchCase & Named)[] } = JSON.parse(
  readFileSync(new URL('../../test/oracle/torch-gradients.json', import.meta.url), 'utf8'),
);
const tensorOf = ({ shape, data }: Plain): ShapedTensor => ({
  shape,
  data: Float64Array.from(data, (x) => x ?? Number.NEGATIVE_INFINITY),
});
// biome-ignore lint/correctness/useYield: a tail that has nothing to wait for.
function* givenBy(grouping: Grouping): Steps<Grouping> {
  return grouping;
}

const names = ['dq', 'dk', 'dv', 'dLogWeights'] as const;

describe('gradients by PyTorch', () => {
  const tensors = Object.fromEntries(Object.entries(torch.tensors).map(([name, x]) => [name, tensorOf(x)]));
  const { q, k, v, dOut, logWeights, added, visible } = tensors;

  it.each(torch.cases.map((x) => [JSON.stringify(x.options), x] as const))('are ours: %s', (_, expected) => {
    const { scale, p, causal, mask, keys, members, signs, logWeights: weighted } = expected.options;
    const masks: Record<string, Tensor> = {
      added,
      visible: { ...visible, data: Uint8Array.from(visible.data) },
    };
    const options: AttentionOptions = {
      scale,
      weights: p ?? 'softmax',
      mask: causal ? 'causal' : 'none',
      attnMask: mask && masks[mask],
      logWeights: weighted ? logWeights : undefined,
    };
    const pull = (inputs: readonly ShapedTensor[]) => {
      const [q, k, v] = inputs;
      if (members) {
        const grouping = { members: Int32Array.from(members), signs: signs && Int8Array.from(signs) };
        const tail: Tail = { name: 'given', single: false, group: () => givenBy(grouping) };
        return levAttentionVjp(q, k, v, { ...options, keys: Math.max(...members) + 1, tail });
      }
      if (!keys) return exactAttentionVjp(q, k, v, options);
      return levAttentionVjp(q, k, v, { ...options, keys: keys.length, always: keys });
    };
    const check = (inputs: readonly ShapedTensor[], most: number) => {
      const { out, vjp } = pull(inputs);
      expect(distance(out.data, tensorOf(expected.out).data)).toBeLessThan(most);
      const gradients = vjp(dOut);
      for (const name of names) {
        expect(name in gradients).toBe(name in expected);
        const found = gradients[name];
        if (!found) continue;
        expect(found.shape).toEqual(expected[name].shape);
        expect(distance(found.data, tensorOf(expected[name]).data)).toBeLessThan(most);
      }
    };
    check([q, k, v], 1e-12);
    check([q, k, v].map(toFloat32), 1e-5);
  });
});

describe('exactAttentionVjp', () => {
  it('gives the output of exactAttention, and gradients of the shapes and types of the inputs', () => {
    const [q, k, v] = [
      [2, 4, 5, 3],
      [2, 2, 7, 3],
      [2, 2, 7, 4],
    ].map((shape, i) => randomTensor(shape, i));
    const logWeights = randomTensor([2, 1, 7], 5, true);
    const options = { logWeights, mask: 'causal' } as const;
    const { out, vjp } = exactAttentionVjp(q, k, v, options);
    expect(out).toEqual(exactAttention(q, k, v, options));
    const dOut = randomTensor([2, 4, 5, 4], 6, true);
    const gradients = vjp(dOut);
    const inputs = { dq: q, dk: k, dv: v, dLogWeights: logWeights };
    for (const name of names) {
      expect(gradients[name]?.shape).toEqual(inputs[name].shape);
      expect(gradients[name]?.data.constructor).toBe(inputs[name].data.constructor);
    }
    expect(vjp(dOut)).toEqual(gradients);
    const mixed = exactAttentionVjp(toFloat32(q), k, v, options).vjp(dOut);
    expect(mixed.dq.data).toBeInstanceOf(Float32Array);
    expect(mixed.dk.data).toBeInstanceOf(Float64Array);
  });

  it('is linear in the gradient of the output, over blocks of queries', () => {
    const [q, k] = [randomTensor([1300, 8], 1, true), randomTensor([1500, 8], 2, true)];
    const { vjp } = exactAttentionVjp(q, k, k, { mask: 'causal' });
    const [a, b] = [randomTensor([1300, 8], 3, true), randomTensor([1300, 8], 4, true)];
    const sum = vjp({ data: a.data.map((x, i) => x + 2 * b.data[i]), shape: [1300, 8] });
    const [ofA, ofB] = [vjp(a), vjp(b)];
    for (const name of ['dq', 'dk', 'dv'] as const) {
      const added = ofA[name].data.map((x, i) => x + 2 * ofB[name].data[i]);
      expect(distance(sum[name].data, added)).toBeLessThan(2e-6);
    }
  });

  it.each<[string, unknown, RegExp]>([
    [
      'another shape',
      { data: new Float32Array(6), shape: [2, 3] },
      /dOut must have the shape of the output, \[3,2\], got \[2,3\]$/,
    ],
    ['no tensor', null, /dOut must be \{data, shape\}, got null$/],
    [
      'an array',
      { data: [1], shape: [1, 1] },
      /dOut: data must be a Float32Array or Float64Array, got Array$/,
    ],
    [
      'NaN',
      { data: new Float64Array(6).fill(Number.NaN, 3), shape: [3, 2] },
      /dOut must be finite, got NaN at row 1, column 1$/,
    ],
    [
      'what float32 cannot hold',
      { data: new Float64Array(6).fill(1e300), shape: [3, 2] },
      /dOut must be finite, got Infinity at row 0, column 0$/,
    ],
  ])('refuses %s as gradient in one line', async (_, dOut, message) => {
    const x = toFloat32(randomTensor([3, 2], 1));
    const call = () => exactAttentionVjp(x, x, x).vjp(dOut as Tensor);
    expect(call).toThrow(message);
    expect(call).toThrow(/^exactAttentionVjp: [^\n]*$/);
    expect(() => levAttentionVjp(x, x, x, { keys: 1 }).vjp(dOut as Tensor)).toThrow(/^levAttentionVjp: /);
    const { vjp } = await exactAttentionVjpAsync(x, x, x);
    await expect(vjp(dOut as Tensor)).rejects.toThrow(message);
  });

  it.each<[string, number, 'float32' | 'float64', number]>([
    ['keys', 1e38, 'float32', 1e3],
    ['keys', 1e200, 'float64', 1e150],
    ['queries', 1, 'float64', 1e308],
  ])('refuses gradients beyond the numbers: %s of %d in %s', async (_, size, type, gradient) => {
    const q = { data: Float64Array.of(0, 0), shape: [1, 2] };
    const k = { data: Float64Array.of(size, 0, 0, size), shape: [2, 2] };
    const v = { data: Float64Array.of(1, -1), shape: [2, 1] };
    const [a, b, c] = type === 'float32' ? [q, k, v].map(toFloat32) : [q, k, v];
    const dOut = { data: Float64Array.of(gradient), shape: [1, 1] };
    const options = { scale: size === 1 ? 4 : 1 };
    const [exact, few] = [
      exactAttentionVjp(a, b, c, options),
      levAttentionVjp(a, b, c, { ...options, keys: 2 }),
    ];
    const rule = /dq must be finite, got (-?Infinity|NaN) at row 0, column 0$/;
    expect(() => exact.vjp(dOut)).toThrow(rule);
    expect(() => exact.vjp(dOut)).toThrow(/^exactAttentionVjp: [^\n]*$/);
    expect(() => few.vjp(dOut)).toThrow(rule);
    expect(() => few.vjp(dOut)).toThrow(/^levAttentionVjp: [^\n]*$/);
    await expect((await exactAttentionVjpAsync(a, b, c, options)).vjp(dOut)).rejects.toThrow(rule);
  });

  it('refuses what exactAttention refuses', () => {
    const x = randomTensor([3, 2], 1);
    expect(() => exactAttentionVjp(x, x, x, { scale: -1 })).toThrow(/^exactAttentionVjp: scale must be/);
  });
});

describe('levAttentionVjp', () => {
  const product = (a: Floats, b: Floats) => Float64Array.from(a, (x, i) => x * b[i]).reduce((x, y) => x + y);

  const shapes = [
    [1, 4, 6, 3],
    [1, 2, 12, 3],
    [1, 2, 12, 2],
  ];

  const someHidden = randomTensor([2, 12], 9);
  for (const at of [3, 8, 14]) someHidden.data[at] = Number.NEGATIVE_INFINITY;
  const ofKeys = randomTensor([1, 12], 10);

  it.each<[string, LevAttentionOptions]>([
    ['keys', { keys: 4 }],
    ['causal keys', { keys: 2, mask: 'causal' }],
    [
      'log-weights and a mask',
      { keys: 4, logWeights: randomTensor([2, 12], 9), attnMask: randomTensor([4, 6, 12], 8), weights: 2 },
    ],
    ['epsilon', { epsilon: 0.3, weights: 3.5 }],
    ['a sample', { keys: 6, tail: 'sample', seed: 3 }],
    ['the mean', { keys: 5, tail: 'mean', mask: 'causal' }],
    ['moments', { keys: 4, tail: 'moments' }],
    ['moments and a causal mask', { keys: 6, tail: 'moments', mask: 'causal' }],
    ['clusters', { keys: 5, tail: 'clusters', mask: 'causal' }],
    ['a weighted sample', { keys: 6, tail: 'sample', seed: 3, logWeights: someHidden, attnMask: ofKeys }],
    ['a weighted mean', { keys: 5, tail: 'mean', logWeights: someHidden, attnMask: ofKeys }],
    ['a weighted mean, causal', { keys: 5, tail: 'mean', logWeights: randomTensor([12], 9), mask: 'causal' }],
    ['weighted moments', { keys: 4, tail: 'moments', logWeights: someHidden }],
    [
      'weighted moments, causal',
      { keys: 6, tail: 'moments', logWeights: randomTensor([2, 1], 9), mask: 'causal' },
    ],
    ['moments and a mask of keys', { keys: 4, tail: 'moments', attnMask: ofKeys }],
    [
      'weighted clusters',
      { keys: 5, tail: 'clusters', logWeights: someHidden, attnMask: ofKeys, mask: 'causal' },
    ],
    ['the mean for |x|^2', { keys: 5, tail: 'mean', weights: 2 }],
    [
      'the mean for |x|^p, causal',
      { keys: 5, tail: 'mean', weights: 3.5, logWeights: someHidden, mask: 'causal' },
    ],
    ['clusters for |x|^p', { keys: 5, tail: 'clusters', weights: 3, logWeights: someHidden, mask: 'causal' }],
  ])('is the derivative of levAttention with %s', (_, options) => {
    const inputs = shapes.map((shape, i) => randomTensor(shape, i + 11));
    const [q, k, v] = inputs;
    const dOut = randomTensor([1, 4, 6, 2], 20);
    const { out, heads, vjp } = levAttentionVjp(q, k, v, options);
    expect({ out, heads }).toEqual(levAttention(q, k, v, options));
    if (options.tail === 'moments') expect(heads.some(({ stored }) => stored?.moments)).toBe(true);
    const gradients = vjp(dOut);
    const given = { dq: q, dk: k, dv: v, dLogWeights: options.logWeights as ShapedTensor | undefined };
    for (const name of names) {
      const tensor = given[name];
      expect(name in gradients).toBe(tensor !== undefined);
      tensor?.data.forEach((x, i) => {
        if (!Number.isFinite(x)) {
          expect(gradients[name]?.data[i]).toBe(0);
          return;
        }
        const moved = (step: number) => {
          const there = { ...tensor, data: Float64Array.from(tensor.data).with(i, x + step) };
          const [q, k, v, logWeights] = names.map((other) => (other === name ? there : given[other]));
          const { data } = levAttention(q!, k!, v!, { ...options, logWeights }).out;
          return product(data, dOut.data);
        };
        const slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        expect(Math.abs((gradients as Required<AttentionGradients>)[name].data[i] - slope)).toBeLessThan(
          1e-7 * Math.max(1, Math.abs(slope)) ** 2,
        );
      });
    }
  });

  it('takes clusters and the log-weights of pairs for given', () => {
    const [q, k, v] = [
      [6, 3],
      [12, 3],
      [12, 2],
    ].map((shape, i) => randomTensor(shape, i + 11));
    const dOut = randomTensor([6, 2], 20);
    const { out, heads, vjp } = levAttentionVjp(q, k, v, { keys: 4, tail: 'clusters' });
    const { members, logWeights } = heads[0].stored!;
    const means = ({ data, shape: [, width] }: ShapedTensor) => {
      const counts = Array.from(logWeights, (_, pair) => members.filter((x) => x === pair).length);
      const sums = new Float64Array(counts.length * width);
      members.forEach((pair, j) => {
        for (let c = 0; c < width && pair >= 0; c++)
          sums[pair * width + c] += data[j * width + c] / counts[pair];
      });
      return { data: sums, shape: [counts.length, width] };
    };
    const given = { data: logWeights, shape: [logWeights.length] };
    const stored = (q: ShapedTensor, k: ShapedTensor, v: ShapedTensor) =>
      exactAttention(q, means(k), means(v), { logWeights: given }).data;
    expect(distance(out.data, stored(q, k, v))).toBeLessThan(1e-12);
    const gradients = vjp(dOut);
    for (const [at, name] of (['dq', 'dk', 'dv'] as const).entries())
      gradients[name].data.forEach((gradient, i) => {
        const moved = (step: number) => {
          const there = [q, k, v];
          there[at] = {
            ...there[at],
            data: Float64Array.from(there[at].data, (x, j) => (j === i ? x + step : x)),
          };
          return product(stored(there[0], there[1], there[2]), dOut.data);
        };
        expect(gradient).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 7);
      });
  });

  it('is the same when the event loop runs', async () => {
    const [q, k, v] = shapes.map((shape, i) => randomTensor(shape, i));
    const dOut = randomTensor([1, 4, 6, 2], 20);
    const waiting = await levAttentionVjpAsync(q, k, v, { keys: 3 });
    const { out, vjp } = levAttentionVjp(q, k, v, { keys: 3 });
    expect(waiting.out).toEqual(out);
    expect(await waiting.vjp(dOut)).toEqual(vjp(dOut));
  });
});
