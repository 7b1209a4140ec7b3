/** Tails and results of the caller's own making: what does not say which keys are stored together is refused in one line. */
import { describe, expect, it } from 'vitest';
import { compareAttention } from './compare.js';
import { levAttention } from './lev-attention.js';
import type { Grouping } from './tail/stored-pairs.js';
import type { Tail } from './tail/tail.js';
import { randomTensor } from './testing.js';

const [q, k, v] = [
  [4, 2],
  [6, 2],
  [6, 3],
].map((shape, i) => randomTensor(shape, i + 1));
const members = Int32Array.of(0, 1, 1, 2, 2, 2);

const wrong: [string, Partial<Record<keyof Grouping, unknown>>, RegExp][] = [
  ['no members', {}, /members must be Int32Array of 6, got undefined$/],
  ['a list', { members: [...members] }, /members must be Int32Array of 6, got Array of 6$/],
  ['too few', { members: members.slice(1) }, /Int32Array of 6, got Int32Array of 5$/],
  ['a pair below none', { members: Int32Array.of(0, 1, 2, -2, 0, 0) }, /pairs from 0 on, or -1, got -2$/],
  ['a pair without keys', { members: Int32Array.of(0, 0, 3, 3, 1, 1) }, /pair 2 of 4 has no key$/],
  ['a pair far away', { members: Int32Array.of(0, 0, 3e8, 3, 1, 1) }, /pair 2 of 300000001 has no key$/],
];

describe('a tail of the caller', () => {
  class Mine implements Tail {
    readonly name = 'mine';
    readonly single = false;

    constructor(private readonly grouping: unknown) {}

    *group() {
      yield { phase: 'mine', done: 0, total: 1 };
      return this.grouping as Grouping;
    }
  }
  const call = (grouping: unknown) => levAttention(q, k, v, { keys: 3, tail: new Mine(grouping) });

  it('stores keys together as it says', () => {
    const [{ indices, stored }] = call({ members, excess: Float64Array.of(0, 0.5, 0) }).heads;
    expect(indices).toEqual([0]);
    expect(Array.from(stored!.members)).toEqual(Array.from(members));
    expect(Array.from(stored!.logWeights)).toEqual([0, Math.log(2) + 0.5, Math.log(3)]);
  });

  it.each<[string, unknown, RegExp]>([
    ...wrong,
    ['nothing', undefined, /members must be Int32Array of 6, got undefined$/],
    ['too many pairs', { members: Int32Array.of(0, 1, 2, 3, 3, 3) }, /must make at most 3 pairs, got 4$/],
    [
      'too little excess',
      { members, excess: new Float64Array(2) },
      /excess must be Float64Array of 3, got Float64Array of 2$/,
    ],
    [
      'excess that is none',
      { members, excess: Float64Array.of(0, 0, Number.NaN) },
      /excess must be finite, got NaN$/,
    ],
    [
      'signs of some',
      { members, signs: new Int8Array(5) },
      /signs must be Int8Array of 6, got Int8Array of 5$/,
    ],
    ['keys twice', { members, rest: [2] }, /rest must hold keys of no pair, got 2$/],
    ['keys that are not there', { members, rest: [6] }, /rest must hold keys of no pair, got 6$/],
  ])('that makes %s is refused', (_, grouping, message) => {
    expect(() => call(grouping)).toThrow(message);
    expect(() => call(grouping)).toThrow(/^tail mine: [^\n]*$/);
  });

  it.each<[string, unknown]>([
    ['a name', { group: () => ({ members }) }],
    ['steps', { name: 'mine', group: () => ({ members }) }],
  ])('without %s is refused', (_, tail) => {
    expect(() => levAttention(q, k, v, { keys: 3, tail: tail as Tail })).toThrow(
      /^(levAttention|tail mine): [^\n]*$/,
    );
  });
});

describe('a result of the caller', () => {
  const { out, heads } = levAttention(q, k, v, { keys: 3, tail: 'mean' });
  const [head] = heads;
  const logWeights = new Float64Array(3);
  const compare = (result: unknown) => compareAttention(q, k, v, result as never);

  it.each<[string, unknown, RegExp]>([
    [
      'no list',
      { out, heads },
      /results must be an array of results of levAttention, got \[object Object\]$/,
    ],
    ['nothing', null, /results must be an array of results of levAttention, got null$/],
    ['an empty result', [null], /result 0 must be \{out, heads\}, got null$/],
    ['no output', [{ heads }], /result 0: out must be \{data, shape\}, got undefined$/],
    [
      'an output that is too short',
      [{ out: { ...out, data: new Float64Array(3) }, heads }],
      /result 0: out: shape \[4,3\] needs 12 numbers, data has 3$/,
    ],
    [
      'an output that is no number',
      [{ out: { ...out, data: new Float64Array(12).fill(Number.NaN) }, heads }],
      /result 0: out must be finite, got NaN at row 0, column 0$/,
    ],
    ['no heads', [{ out }], /result 0 must have 1 heads of keys, got none$/],
    ['a head that is none', [{ out, heads: [null] }], /result 0: indices must be an array, got undefined$/],
    [
      'a key twice',
      [{ out, heads: [{ ...head, indices: [1, 1] }] }],
      /result 0: indices must ascend, got 1 after 1$/,
    ],
    ...wrong.map(([name, stored, message]): [string, unknown, RegExp] => [
      `stored pairs with ${name}`,
      [{ out, heads: [{ ...head, stored: { logWeights, ...stored } }] }],
      message,
    ]),
    [
      'pairs without log-weights',
      [{ out, heads: [{ ...head, stored: { members } }] }],
      /logWeights must be Float64Array of 3, got Float64Array of 0$/,
    ],
    [
      'log-weights that are none',
      [{ out, heads: [{ ...head, stored: { members, logWeights: [0, 0, 0] } }] }],
      /logWeights must be Float64Array of 3, got Array of 3$/,
    ],
  ])('of %s is refused', (_, result, message) => {
    expect(() => compare(result)).toThrow(message);
    expect(() => compare(result)).toThrow(/^compareAttention: [^\n]*$/);
  });
});
