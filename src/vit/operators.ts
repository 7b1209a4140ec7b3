/** The attentions that a model may be trained and judged with, by what a configuration says of them. */
import { type AttentionInputs, attentionInputs } from '../attention/inputs.js';
import type { LevAttentionOptions } from '../attention/lev-attention.js';
import { parseSelector } from '../attention/selectors/index.js';
import { storage } from '../attention/storage.js';
import { tailOf } from '../attention/tail/index.js';
import { type StoredPairs, toldLogWeights } from '../attention/tail/stored-pairs.js';
import { referenceAttend, referenceBackward } from '../kernels/reference-attend.js';
import { wasmBackward } from '../kernels/wasm-backward.js';
import type { Floats } from '../keys.js';
import { run } from '../steps.js';
import { checkNames, checkWhole, shown } from './config.js';
import type { Attended, AttentionOperator, HeadsOfImage } from './operator.js';

/** Softmax over all keys, or LevAttention over a few of them. */
export type AttentionChoice = 'softmax' | SelectedAttention;

/** LevAttention as its options describe it. */
export interface SelectedAttention {
  /** Keys that each head keeps; with a tail, the pairs that it stores. */
  readonly keys: number;
  /** The name of a selector; 'leverage' by default, with clusters the tail's usual one. */
  readonly select?: string;
  /** What stands in for the other keys; 'drop' by default. */
  readonly tail: string;
  /** Positions that are always kept, the class token's by default. They count towards `keys`. */
  readonly always: readonly number[];
}

/** Checks what a configuration says of attention. */
export function attentionChoice(given: unknown, where = 'attentionChoice'): AttentionChoice {
  if (given === 'softmax') return given;
  if (given === null || typeof given !== 'object')
    throw new TypeError(`${where}: must be 'softmax' or { "keys": 32, ... }, got ${shown(given)}`);
  checkNames(given, ['keys', 'select', 'tail', 'always'], where);
  const { keys, select, tail = 'drop', always = [0] } = given as Partial<SelectedAttention>;
  checkWhole(keys, 1e6, 'keys', where);
  if (select !== undefined) {
    if (typeof select !== 'string')
      throw new TypeError(`${where}: select must be the name of a selector, got ${shown(select)}`);
    parseSelector(select);
  }
  if (typeof tail !== 'string')
    throw new TypeError(`${where}: tail must be the name of a tail, got ${shown(tail)}`);
  if (tailOf(where, tail).name === 'moments')
    throw new RangeError(`${where}: tail must be one that stores pairs of keys and values, got 'moments'`);
  if (!Array.isArray(always))
    throw new TypeError(`${where}: always must be a list of positions, got ${shown(always)}`);
  for (const j of always) checkWhole(j, 1e6, 'always', where, 0);
  return { keys: keys as number, ...(select !== undefined && { select }), tail, always };
}

/** In words. */
export function attentionText(choice: AttentionChoice): string {
  if (choice === 'softmax') return choice;
  const { keys, select, tail } = choice;
  if (tail === 'drop') return `${keys} keys by ${select ?? 'leverage'}`;
  return `${keys} pairs, tail ${tail}${select === undefined ? '' : `, keys by ${select}`}`;
}

/** The operator of a choice; `seed` is for selectors and tails that draw. */
export function attentionOperator(choice: AttentionChoice, seed: number): AttentionOperator {
  return { name: attentionText(choice), attend: (image) => attend(choice, seed, image) };
}

/** Seeds that differ by less than 2^21 have draws of their own for each of 2^32 layers of images. */
const drawSeed = (seed: number, image: number) => (seed % 2 ** 21) * 2 ** 32 + (image % 2 ** 32);

/** What a head attends to: all its keys, or stored pairs of them. */
type Pairs = Pick<StoredPairs, 'keys' | 'values'> &
  Partial<StoredPairs> & { readonly indices?: readonly number[] };

function attend(choice: AttentionChoice, seed: number, image: HeadsOfImage): Attended {
  const { heads, tokens, headDim: d } = image;
  const shape = [1, heads, tokens, d];
  const [q, k, v] = [image.q, image.k, image.v].map((data) => ({ data, shape }));
  const inputs = attentionInputs('attention', q, k, v, {});
  const size = tokens * d;
  const out = image.q.slice();
  const pairs = pairsOf(inputs, choice, drawSeed(seed, image.seed));
  const calls = pairs.map(({ keys, values, logWeights }, head) => {
    const of = (data: Floats) => data.subarray(head * size, (head + 1) * size);
    const n = keys.length / d;
    const normalisers = new Float64Array(2 * tokens);
    const call = {
      q: of(image.q),
      k: keys,
      v: values,
      out: of(out),
      m: tokens,
      n,
      d,
      dv: d,
      scale: inputs.scale,
      logWeights: logWeights && toldLogWeights(logWeights),
    };
    inputs.attend({ ...call, normalisers });
    return { ...call, normalisers };
  });
  return {
    out,
    ...(choice !== 'softmax' && { selected: pairs.map(({ indices }) => indices!) }),
    backward(dOut) {
      const backward = inputs.attend === referenceAttend ? referenceBackward : wasmBackward;
      const [dq, dk, dv] = [image.q, image.k, image.v].map((data) => data.slice());
      calls.forEach((call, head) => {
        const of = (data: Floats) => data.subarray(head * size, (head + 1) * size);
        const [dK, dV] = [call.k, call.v].map((data) => new Float64Array(data.length));
        backward({ ...call, dOut: of(dOut), dQ: of(dq), dK, dV });
        scatter(pairs[head], dK, of(dk), d);
        scatter(pairs[head], dV, of(dv), d);
      });
      return { dq, dk, dv };
    },
  };
}

/** What each head attends to. The choice is a constant: nothing flows through it. */
function pairsOf(inputs: AttentionInputs, choice: AttentionChoice, seed: number): Pairs[] {
  const { k, v, n, d, dv, keyHeads } = inputs;
  const heads = Array.from({ length: keyHeads }, (_, head) => head);
  if (choice === 'softmax')
    return heads.map((head) => ({
      keys: k.subarray(head * n * d, (head + 1) * n * d),
      values: v.subarray(head * n * dv, (head + 1) * n * dv),
    }));
  const options = { ...choice, seed } as LevAttentionOptions;
  const { store } = storage('attention', inputs, options);
  return heads.map((head) => run(store(head)));
}

/** The gradient of each key, or value, is its share of that of the pair that it was averaged into. */
function scatter({ members, counts }: Pairs, ofPairs: Float64Array, ofKeys: Floats, d: number): void {
  if (!members || !counts) {
    ofKeys.set(ofPairs);
    return;
  }
  ofKeys.fill(0);
  for (let j = 0; j < members.length; j++) {
    const pair = members[j];
    if (pair < 0) continue;
    for (let c = 0; c < d; c++) ofKeys[j * d + c] = ofPairs[pair * d + c] / counts[pair];
  }
}
