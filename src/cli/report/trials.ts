/** Attention over few keys, tried with every selector at several numbers of keys, each compared with exact attention. */
import { compareAttentionAsync, type HeadComparison } from '../../attention/compare.js';
import { type LevAttentionResult, levAttentionAsync } from '../../attention/lev-attention.js';
import { parseSelector, selectorNames } from '../../attention/selectors/index.js';
import { type Selector, selectSteps } from '../../attention/selectors/selector.js';
import { parseTail } from '../../attention/tail/index.js';
import type { Tail } from '../../attention/tail/tail.js';
import { runAsync } from '../../kernels/run-async.js';
import {
  type FloatTensor,
  type Heads,
  headsOf,
  type KeyMatrix,
  matrixOver,
  type Tensor,
} from '../../keys.js';
import { randomStream } from '../../random.js';
import type { CallOptions } from '../../steps.js';

/** Random selection is drawn with this many seeds and averaged. */
export const randomSeeds = 5;

/** Errors are measured on at most this many queries of a head: the charts need no more digits. */
const mostQueries = 512;

/** Selectors are asked for at most this many keys, at this many numbers of keys. */
const mostKeys = 1024;
const mostCounts = 6;

/**
 * What is tried. Without a mask, some of the queries attend to the keys that are kept of all keys. Under the causal mask, as a
 * cache is used: the first keys, the prompt, are cut down to a few, chosen by what is known when it ends; the queries after it
 * attend to these and to every key since.
 */
export interface Setting {
  readonly causal: boolean;
  readonly k: Tensor;
  readonly v: Tensor;
  /** The queries that are measured. */
  readonly q: FloatTensor;
  /** The queries that selectors may look at. */
  readonly known: FloatTensor;
  /** Keys are chosen among the first `prompt` ones; those after it are all kept. */
  readonly prompt: number;
}

/** Selectors with what stands in for the other keys. */
export const tailPairs: readonly { readonly selector: string; readonly tail: string }[] = [
  ...['drop', 'sample', 'mean', 'moments', 'clusters'].map((tail) => ({
    selector: 'leverage-centred',
    tail,
  })),
  { selector: 'recent-sinks:4', tail: 'drop' },
  { selector: 'recent-sinks:4', tail: 'clusters:exact=0.25,by=both,metric=euclidean' },
];

/** What stands in for the keys that a selector leaves out, whichever selector it is. */
export const standIns: readonly string[] = ['sample', 'mean', 'moments', 'clusters:exact=0.25,by=selector'];

/** The selectors that are tried with each of these, at the number of keys that the page speaks of: all but the oracle, which nobody has. */
export const crossedSelectors: readonly string[] = selectorNames.filter((name) => name !== 'oracle');

/** Those of them that are no pairs already. */
const crossedPairs = crossedSelectors
  .flatMap((selector) => standIns.map((tail) => ({ selector, tail })))
  .filter(
    ({ selector, tail }) => !tailPairs.some((pair) => pair.selector === selector && pair.tail === tail),
  );

/** One choice of keys, and what it costs each query head. */
export interface Trial {
  readonly selector: string;
  /** What stands in for the keys that are not chosen, where anything but the selection is tried. */
  readonly tail?: string;
  readonly count: number;
  readonly seed: number;
  /** The chosen keys of each key head, without those that are kept anyway. */
  readonly chosen: readonly (readonly number[])[];
  readonly comparison: readonly HeadComparison[];
}

/** Numbers of keys at which selectors are compared: n/2, n/4, n/8, ... of n, ascending. */
export function keyCounts(n: number): number[] {
  const halves = Array.from({ length: 30 }, (_, i) => Math.round(n / 2 ** (i + 1)));
  const counts = halves.filter((count, i) => count >= 4 && count <= mostKeys && count !== halves[i - 1]);
  return counts.length > 0 ? counts.slice(0, mostCounts).reverse() : [Math.max(1, Math.floor(n / 2))];
}

/** The number of keys that the page speaks of: an eighth of those there are to choose from, or the nearest that is tried. */
export function spokenCount({ prompt }: Pick<Setting, 'prompt'>): number {
  return keyCounts(prompt).reduce((a, b) => (Math.abs(b - prompt / 8) < Math.abs(a - prompt / 8) ? b : a));
}

/** The setting for queries, keys and values whose shapes fit; q needs two queries under a causal mask. */
export function settingOf(q: Tensor, k: Tensor, v: Tensor, causal: boolean): Setting {
  const m = headsOf(q, 'report: q').n;
  const n = headsOf(k, 'report: k').n;
  if (!causal) {
    const count = Math.min(m, mostQueries);
    const some = rowsOf(
      q,
      Array.from({ length: count }, (_, i) => Math.floor((i * m) / count)),
    );
    return { causal, k, v, q: some, known: some, prompt: n };
  }
  if (m < 2) throw new RangeError(`report: a causal mask needs at least two queries, got ${m}`);
  const count = Math.min(Math.ceil(m / 2), mostQueries);
  return {
    causal,
    k,
    v,
    q: rowsOf(q, range(m - count, m)),
    known: rowsOf(q, range(0, m - count)),
    prompt: n - count,
  };
}

/** The given rows of every head. */
function rowsOf(tensor: Tensor, rows: readonly number[]): FloatTensor {
  const { list, flat, batches, heads, d } = headsOf(tensor, 'report');
  const size = list.length * rows.length * d;
  const data = tensor.data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
  list.forEach(({ matrix }, i) => {
    rows.forEach((row, j) => {
      data.set(matrix.rows(row, row + 1), (i * rows.length + j) * d);
    });
  });
  return { data, shape: flat ? [rows.length, d] : [batches, heads, rows.length, d] };
}

/** All trials, in the order of the numbers of keys. */
export async function runTrials(setting: Setting, { signal, onProgress }: CallOptions): Promise<Trial[]> {
  const { q, k, v, causal, prompt } = setting;
  const { n } = headsOf(k, 'report: k');
  const mask = causal ? 'causal' : 'none';
  const choices = selectorNames.flatMap((name) =>
    Array.from({ length: name === 'random' ? randomSeeds : 1 }, (_, seed) => ({
      selector: parseSelector(name),
      seed,
    })),
  );
  const counts = keyCounts(prompt);
  const trials: Trial[] = [];
  for (const count of counts) {
    const results: LevAttentionResult[] = [];
    const sets: (readonly number[])[][] = [];
    for (const { selector, seed } of choices) {
      onProgress?.({
        phase: 'selectors',
        done: trials.length + results.length,
        total: counts.length * choices.length,
      });
      const chosen = await choose(selector, count, seed, setting, signal);
      const select = alreadyChosen(chosen.map((indices) => [...indices, ...range(prompt, n)]));
      results.push(await levAttentionAsync(q, k, v, { keys: count + n - prompt, select, mask, signal }));
      sets.push(chosen);
    }
    const pairs = count === spokenCount(setting) ? [...tailPairs, ...crossedPairs] : tailPairs;
    for (const { selector, tail } of pairs) {
      const stand = inPrompt(parseTail(tail), parseSelector(selector), count, setting);
      results.push(await levAttentionAsync(q, k, v, { keys: count + n - prompt, tail: stand, mask, signal }));
    }
    const comparisons = await compareAttentionAsync(q, k, v, results, { mask, signal });
    pairs.forEach((pair, i) => {
      const comparison = comparisons[choices.length + i];
      trials.push({ ...pair, count, seed: 0, chosen: [], comparison });
    });
    choices.forEach(({ selector, seed }, i) => {
      trials.push({ selector: selector.name, count, seed, chosen: sets[i], comparison: comparisons[i] });
    });
  }
  return trials;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

/** What a selector keeps of the prompt of each key head. The oracle alone sees the queries to come. */
async function choose(
  selector: Selector,
  count: number,
  seed: number,
  { q, k, known, prompt, causal }: Setting,
  signal?: AbortSignal,
): Promise<number[][]> {
  const keys = headsOf(k, 'report: k');
  const future = selector.name === 'oracle';
  const queries = headsOf(future ? q : known, 'report: q');
  const tail = future ? range(prompt, keys.n) : [];
  const chosen: number[][] = [];
  for (const [i, { matrix }] of keys.list.entries()) {
    const context = {
      queries: groupOf(queries, keys, i),
      causal,
      always: tail,
      random: randomStream(seed, i),
    };
    const from = future ? matrix : firstRows(matrix, prompt);
    const indices = await runAsync(selectSteps(selector, from, count + tail.length, context), { signal });
    chosen.push(indices.filter((index) => index < prompt));
  }
  return chosen;
}

/** The matrices of the query heads that read key head i. */
function groupOf(queries: Heads, keys: Heads, i: number): KeyMatrix[] {
  const group = queries.heads / keys.heads;
  return queries.list.slice(i * group, (i + 1) * group).map(({ matrix }) => matrix);
}

function firstRows(matrix: KeyMatrix, n: number): KeyMatrix {
  return { n, d: matrix.d, rows: (start, end) => matrix.rows(start, end) };
}

/**
 * A tail that groups the prompt of each head, head after head, by the queries that are known when it ends, and keeps all later keys as they are.
 */
function inPrompt(
  tail: Tail,
  selector: Selector,
  count: number,
  { k, known, prompt, causal }: Setting,
): Tail {
  const keys = headsOf(k, 'report: k');
  const queries = headsOf(known, 'report: q');
  const group = queries.heads / keys.heads;
  let index = 0;
  return {
    name: tail.name,
    single: false,
    *group(head) {
      const { n, d, dv } = head;
      const i = index++;
      const size = group * queries.n * d;
      const matrix = matrixOver(head.k, prompt, d);
      const { members, excess, rest } = yield* tail.group(
        {
          ...head,
          k: head.k.subarray(0, prompt * d),
          v: head.v.subarray(0, prompt * dv),
          n: prompt,
          q: known.data.subarray(i * size, (i + 1) * size),
          m: queries.n,
          causal: false,
          limits: undefined,
          choose: (wanted) =>
            selectSteps(selector, matrix, wanted, {
              queries: groupOf(queries, keys, i),
              causal,
              random: randomStream(0, i),
            }),
        },
        count,
      );
      const pairs = members.reduce((most, pair) => Math.max(most, pair + 1), 0);
      const all = new Int32Array(n);
      all.set(members);
      for (let j = prompt; j < n; j++) all[j] = pairs + j - prompt;
      const weights = new Float64Array(pairs + n - prompt);
      if (excess) weights.set(excess);
      return { members: all, excess: weights, rest };
    },
  };
}

/** A selector that returns what was chosen before, head after head. */
function alreadyChosen(sets: readonly number[][]): Selector {
  let head = 0;
  return { name: 'chosen', select: () => sets[head++] };
}
