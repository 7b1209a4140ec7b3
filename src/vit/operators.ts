/** The attentions that a model may be trained and judged with, by what a configuration says of them. */
import { exactAttention } from '../attention/exact.js';
import { levAttention } from '../attention/lev-attention.js';
import { parseSelector } from '../attention/selectors/index.js';
import type { Floats } from '../keys.js';
import { attentionGradient } from './attention-gradient.js';
import { checkNames, checkWhole } from './config.js';
import type { AttentionOperator, HeadsOfImage } from './operator.js';

/** Softmax over all keys, or LevAttention over a few of them. */
export type AttentionChoice = 'softmax' | SelectedAttention;

/** LevAttention as options describe it. */
export interface SelectedAttention {
  /** Keys that each head keeps. */
  readonly keys: number;
  /** The name of a selector; 'leverage' by default. */
  readonly select: string;
  /** Positions that are always kept, the class token's by default. They count towards `keys`. */
  readonly always: readonly number[];
}

/** Checks what a configuration says of attention. */
export function attentionChoice(given: unknown, where = 'attentionChoice'): AttentionChoice {
  if (given === 'softmax') return given;
  if (given === null || typeof given !== 'object')
    throw new TypeError(`${where}: must be 'softmax' or { "keys": 32, ... }, got ${JSON.stringify(given)}`);
  checkNames(given, ['keys', 'select', 'always'], where);
  const { keys, select = 'leverage', always = [0] } = given as Partial<SelectedAttention>;
  checkWhole(keys, 1e6, 'keys', where);
  if (typeof select !== 'string')
    throw new TypeError(`${where}: select must be the name of a selector, got ${JSON.stringify(select)}`);
  parseSelector(select);
  if (!Array.isArray(always))
    throw new TypeError(`${where}: always must be a list of positions, got ${JSON.stringify(always)}`);
  for (const j of always) checkWhole(j, 1e6, 'always', where, 0);
  return { keys: keys as number, select, always };
}

/** In words. */
export function attentionText(choice: AttentionChoice): string {
  return choice === 'softmax' ? choice : `${choice.keys} keys by ${choice.select}`;
}

/** The operator of a choice; `seed` is for selectors that draw. */
export function attentionOperator(choice: AttentionChoice, seed: number): AttentionOperator {
  const name = attentionText(choice);
  return { name, attend: (heads) => attend(choice, seed, heads) };
}

function attend(
  choice: AttentionChoice,
  seed: number,
  { q, k, v, heads, tokens, headDim, ...place }: HeadsOfImage,
) {
  const shape = [1, heads, tokens, headDim];
  const [tq, tk, tv] = [q, k, v].map((data) => ({ data, shape }));
  const result =
    choice === 'softmax'
      ? { out: exactAttention(tq, tk, tv), heads: undefined }
      : levAttention(tq, tk, tv, { ...choice, seed: seed + place.seed });
  const { data: out } = result.out;
  const selected = result.heads?.map(({ indices }) => indices);
  const all = Array.from({ length: tokens }, (_, j) => j);
  return {
    out,
    selected,
    backward(dOut: Floats) {
      const [dq, dk, dv] = [q, k, v].map((data) => data.slice().fill(0));
      const size = tokens * headDim;
      for (let head = 0; head < heads; head++) {
        const of = (data: Floats) => data.subarray(head * size, (head + 1) * size);
        attentionGradient(
          [q, k, v, out, dOut].map(of),
          [dq, dk, dv].map(of),
          selected?.[head] ?? all,
          tokens,
          headDim,
        );
      }
      return { dq, dk, dv };
    },
  };
}
