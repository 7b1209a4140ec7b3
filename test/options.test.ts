/** Options that are not what they say, from plain JavaScript: one line that names the function, the rule and the value. */
import { describe, expect, test } from 'vitest';
import {
  compareAttention,
  exactAttention,
  heavyScores,
  keyLifetimes,
  levAttention,
  leverageScores,
  leverageScoresAsync,
  lewisWeights,
  lpCoreset,
  OnlineKeys,
  sensitivities,
  UniversalSetSketch,
  universalSet,
} from '../src/index.js';

const keys = { data: Float64Array.of(1, 0, 0, 1, 1, 1), shape: [3, 2] } as const;
const no = null as never;

describe('options', () => {
  test.each<[string, () => unknown, string | RegExp]>([
    ['leverageScores', () => leverageScores(keys, no), 'leverageScores: options must be an object'],
    [
      'exactAttention',
      () => exactAttention(keys, keys, keys, no),
      'exactAttention: options must be an object',
    ],
    ['levAttention', () => levAttention(keys, keys, keys, no), 'levAttention: options must be an object'],
    [
      'text for indices',
      () => sensitivities(keys, { p: 1, indices: '12' as never }),
      'sensitivities: indices must be an array of rows, got 12',
    ],
    [
      'another signal',
      () => leverageScores(keys, { signal: {} as never }),
      'leverageScores: signal must be an AbortSignal, got [object Object]',
    ],
    [
      'another callback',
      () => universalSet(keys, { epsilon: 0.5, onProgress: 3 as never }),
      'universalSet: onProgress must be a function, got 3',
    ],
    // A misspelt option would be left out, and the result would be that of another question.
    ...(
      [
        ['universalSet', () => universalSet(keys, { epsilon: 0.5, centred: true } as never), 'centred'],
        ['leverageScores', () => leverageScores(keys, { center: true } as never), 'center'],
        ['lewisWeights', () => lewisWeights(keys, { p: 1, iteration: 3 } as never), 'iteration'],
        ['sensitivities', () => sensitivities(keys, { p: 1, rows: [1] } as never), 'rows'],
        ['lpCoreset', () => lpCoreset(keys, { p: 1, rows: 2, sede: 1 } as never), 'sede'],
        ['heavyScores', () => heavyScores(keys, keys, { epsilon: 0.5, weight: 1 } as never), 'weight'],
        ['keyLifetimes', () => keyLifetimes(keys, { epsilon: 0.5, centre: true } as never), 'centre'],
        ['OnlineKeys', () => new OnlineKeys({ d: 2, epsilon: 0.5, top: 3 } as never), 'top'],
        ['UniversalSetSketch', () => new UniversalSetSketch({ d: 2, epsilon: 0.5, F: 1 } as never), 'F'],
        ['fromBytes', () => UniversalSetSketch.fromBytes(new Uint8Array(9), { eps: 1 } as never), 'eps'],
        ['exactAttention', () => exactAttention(keys, keys, keys, { causal: true } as never), 'causal'],
        ['levAttention', () => levAttention(keys, keys, keys, { keys: 2, top: 1 } as never), 'top'],
        [
          'compareAttention',
          () => compareAttention(keys, keys, keys, [], { keys: 2, top: 1 } as never),
          'top',
        ],
      ] as const
    ).map(([caller, call, name]): [string, () => unknown, RegExp] => [
      `an option of ${caller} that there is not`,
      call,
      new RegExp(`^${caller}: options must be of [a-z][\\w, ]+, got '${name}'$`),
    ]),
  ])('%s', (_, call, message) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });

  test('another signal of an asynchronous call', async () => {
    await expect(leverageScoresAsync(keys, { signal: 'now' as never })).rejects.toThrow(
      'leverageScoresAsync: signal must be an AbortSignal, got now',
    );
  });
});

describe('a number that is not finite is found in its head', () => {
  const heads = {
    data: Float64Array.from({ length: 12 }, (_, i) => (i === 9 ? Number.NaN : i)),
    shape: [1, 2, 3, 2],
  };
  const whole = { data: Float64Array.from({ length: 12 }, (_, i) => i + (i % 3)), shape: [1, 2, 3, 2] };
  test.each<[string, () => unknown]>([
    ['leverageScores: keys', () => leverageScores(heads)],
    ['lewisWeights: keys', () => lewisWeights(heads, { p: 3 })],
    ['sensitivities: keys', () => sensitivities(heads, { p: 3 })],
    ['universalSet: keys', () => universalSet(heads, { epsilon: 0.5 })],
    ['heavyScores: keys', () => heavyScores(whole, heads, { epsilon: 0.5 })],
    ['heavyScores: queries', () => heavyScores(heads, whole, { epsilon: 0.5 })],
  ])('%s', (where, call) => {
    expect(call).toThrow(`${where} of batch 0, head 1 must be finite, got NaN at row 1, column 1`);
  });
});
