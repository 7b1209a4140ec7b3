/** The options attnMask and logWeights: shapes that broadcast, what they do together, and what is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../keys.js';
import { randomStream } from '../random.js';
import { compareAttention } from './compare.js';
import { exactAttention } from './exact.js';
import type { AttentionOptions } from './inputs.js';
import { levAttention } from './lev-attention.js';
import { distance, naiveAttention, randomTensor, toFloat32 } from './testing.js';

const hidden = Number.NEGATIVE_INFINITY;

/** The entry of a tensor broadcast to more dimensions or larger ones. */
function entryOf({ data, shape = [] }: Tensor, place: readonly number[]): number {
  const ends = place.slice(place.length - shape.length);
  const at = shape.reduce((at, size, i) => at * size + (size === 1 ? 0 : ends[i]), 0);
  return data[at] as number;
}

/** One of the shapes that broadcast to the sizes. */
function broadcasting(sizes: readonly number[], choice: number): number[] {
  const shape = sizes.map((size, i) => ((choice >> i) & 1 ? 1 : size));
  return shape.slice((choice >> sizes.length) % sizes.length);
}

describe('attnMask and logWeights', () => {
  const cases = fc.record({
    seed: fc.nat(),
    flat: fc.boolean(),
    group: fc.constantFrom(1, 3),
    m: fc.integer({ min: 1, max: 6 }),
    more: fc.integer({ min: 0, max: 7 }),
    weights: fc.constantFrom<AttentionOptions['weights']>('softmax', 2, 3.5),
    mask: fc.constantFrom('none', 'causal'),
    kind: fc.constantFrom('none', 'visible or not', 'added', 'some hidden'),
    shapes: fc.tuple(fc.nat({ max: 1023 }), fc.nat({ max: 1023 })),
    logWeights: fc.boolean(),
  });

  it('broadcast, combine with the causal mask and mean what the formula says', () => {
    fc.assert(
      fc.property(cases, ({ seed, flat, group, m, more, weights, mask, kind, shapes, logWeights }) => {
        const [batches, keyHeads, n] = flat ? [1, 1, m + more] : [2, 2, m + more];
        const heads = flat ? 1 : keyHeads * group;
        const q = randomTensor(flat ? [m, 3] : [batches, heads, m, 3], seed);
        const k = randomTensor(flat ? [n, 3] : [batches, keyHeads, n, 3], seed + 1);
        const v = randomTensor(flat ? [n, 2] : [batches, keyHeads, n, 2], seed + 2);
        const { normal, uniform } = randomStream(seed, 3);
        const maskShape = broadcasting(flat ? [m, n] : [batches, heads, m, n], shapes[0]);
        const size = maskShape.reduce((a, b) => a * b, 1);
        const added = Float64Array.from({ length: size }, () =>
          kind === 'some hidden' && uniform() < 0.4 ? hidden : normal(),
        );
        const attnMask: Tensor | undefined =
          kind === 'none'
            ? undefined
            : {
                data: kind === 'visible or not' ? Uint8Array.from(added, (x) => (x < 0 ? 0 : 1)) : added,
                shape: maskShape,
              };
        const weightShape = broadcasting(flat ? [n] : [batches, keyHeads, n], shapes[1]);
        const b = logWeights ? randomTensor(weightShape, seed + 4) : undefined;
        if (b && uniform() < 0.5) b.data[0] = hidden;
        const options = { weights, mask, attnMask, logWeights: b } as AttentionOptions;
        const naive = {
          power: weights === 'softmax' ? undefined : (weights as number),
          causal: mask === 'causal',
          added(batch: number, head: number, i: number, j: number) {
            const entry = attnMask ? entryOf(attnMask, flat ? [i, j] : [batch, head, i, j]) : 0;
            const offset = kind === 'visible or not' ? (entry === 0 ? hidden : 0) : entry;
            return offset + (b ? entryOf(b, flat ? [j] : [batch, Math.floor(head / group), j]) : 0);
          },
        };
        const close = (a: ArrayLike<number>, b: readonly number[], most: number) =>
          expect(b.some((x) => x !== 0) ? distance(a, b) : Math.max(...Array.from(a, Math.abs))).toBeLessThan(
            most,
          );
        close(exactAttention(q, k, v, options).data, naiveAttention(q, k, v, naive).out, 1e-11);
        const [q32, k32, v32] = [q, k, v].map(toFloat32);
        const positive = { ...v32, data: v32.data.map(Math.abs) };
        const single = exactAttention(q32, k32, positive, options).data;
        close(single, naiveAttention(q32, k32, positive, naive).out, 1e-5);
        const result = levAttention(q, k, v, { ...options, keys: 2 });
        const selected = result.heads.map(({ indices }) => indices);
        const expected = naiveAttention(q, k, v, { ...naive, selected });
        close(result.out.data, expected.out, 1e-11);
        for (const [i, { mass }] of compareAttention(q, k, v, [result], options)[0].entries())
          expect(mass).toBeCloseTo(expected.mass[i], 10);
      }),
      { numRuns: 400 },
    );
  });

  const q = randomTensor([2, 4, 5, 3], 1);
  const k = randomTensor([2, 2, 7, 3], 2);

  it('hide as the causal mask does', () => {
    const triangle = Uint8Array.from({ length: 35 }, (_, at) => (at % 7 <= Math.floor(at / 7) + 2 ? 1 : 0));
    const causal = exactAttention(q, k, k, { mask: 'causal' });
    for (const mask of ['none', 'causal'] as const) {
      const attnMask = { data: triangle, shape: [5, 7] };
      expect(distance(exactAttention(q, k, k, { mask, attnMask }).data, causal.data)).toBeLessThan(1e-14);
    }
  });

  it('are read by the blocks of a long head', () => {
    const [q, k] = [randomTensor([1, 2, 1500, 8], 1, true), randomTensor([1, 1, 3000, 8], 2, true)];
    const data = Float32Array.from({ length: 1500 * 3000 }, (_, at) =>
      at % 7 === 0 ? hidden : (at % 31) / 8,
    );
    const attnMask = { data, shape: [1500, 3000] };
    const whole = exactAttention(q, k, k, { attnMask });
    for (const i of [0, 700, 1499])
      for (const head of [0, 1]) {
        const at = head * 1500 + i;
        const row = exactAttention(
          { data: q.data.subarray(at * 8, at * 8 + 8), shape: [1, 8] },
          { data: k.data, shape: [3000, 8] },
          { data: k.data, shape: [3000, 8] },
          { attnMask: { data: data.subarray(i * 3000, (i + 1) * 3000), shape: [1, 3000] } },
        );
        expect(distance(whole.data.subarray(at * 8, at * 8 + 8), row.data)).toBeLessThan(1e-5);
      }
  });

  it.each<[string, unknown, RegExp]>([
    ['a mask that is null', { attnMask: null }, /attnMask must be \{data, shape\}, got null$/],
    ['a mask that is an array', { attnMask: [1] }, /attnMask: data must be a Uint8Array .*, got undefined$/],
    [
      'a mask of booleans',
      { attnMask: { data: [true], shape: [1, 1] } },
      /data must be a Uint8Array .*, got Array$/,
    ],
    [
      'a mask without shape',
      { attnMask: { data: new Uint8Array(1) } },
      /shape must be an array of sizes, got undefined$/,
    ],
    [
      'a mask of other keys',
      { attnMask: { data: new Uint8Array(40), shape: [5, 8] } },
      /broadcast to it, .* got \[5,8\]$/,
    ],
    [
      'a mask of key heads',
      { attnMask: { data: new Uint8Array(70), shape: [1, 2, 5, 7] } },
      /must be \[2,4,5,7\] or .*, got \[1,2,5,7\]$/,
    ],
    [
      'a mask of five dimensions',
      { attnMask: { data: new Uint8Array(1), shape: [1, 1, 1, 1, 1] } },
      /got \[1,1,1,1,1\]$/,
    ],
    ['a mask without dimensions', { attnMask: { data: new Uint8Array(1), shape: [] } }, /got \[\]$/],
    [
      'a mask of too few numbers',
      { attnMask: { data: new Uint8Array(34), shape: [5, 7] } },
      /shape \[5,7\] needs 35 numbers, data has 34$/,
    ],
    [
      'NaN in a mask',
      { attnMask: { data: new Float32Array(35).fill(Number.NaN, 9), shape: [5, 7] } },
      /numbers up to 1e\+300 or -Infinity, got NaN at \[1, 2\]$/,
    ],
    [
      'infinity in a mask',
      { attnMask: { data: Float64Array.of(Infinity), shape: [1, 1] } },
      /attnMask must hold .* got Infinity at \[0, 0\]$/,
    ],
    ['log-weights of text', { logWeights: 'log' }, /logWeights must be \{data, shape\}, got string$/],
    [
      'log-weights of bytes',
      { logWeights: { data: new Uint8Array(7), shape: [7] } },
      /logWeights: data must be a Float32Array or Float64Array, got Uint8Array$/,
    ],
    [
      'log-weights of query heads',
      { logWeights: { data: new Float64Array(28), shape: [4, 7] } },
      /logWeights: shape must be \[2,2,7\] or .*, got \[4,7\]$/,
    ],
    [
      'log-weights of NaN',
      { logWeights: { data: new Float64Array(7).fill(Number.NaN, 3), shape: [7] } },
      /logWeights must hold .* got NaN at \[3\]$/,
    ],
    [
      'log-weights of infinity',
      { logWeights: { data: new Float64Array(7).fill(Infinity, 6), shape: [1, 7] } },
      /got Infinity at \[0, 6\]$/,
    ],
    [
      'log-weights of a negative size',
      { logWeights: { data: new Float64Array(7), shape: [-7] } },
      /got \[-7\]$/,
    ],
  ])('%s is refused in one line', (_, options, message) => {
    const call = () => exactAttention(q, k, k, options as AttentionOptions);
    expect(call).toThrow(message);
    expect(call).toThrow(/^exactAttention: [^\n]*$/);
    expect(() => levAttention(q, k, k, { ...(options as AttentionOptions), keys: 2 })).toThrow(
      /^levAttention: /,
    );
  });
});
