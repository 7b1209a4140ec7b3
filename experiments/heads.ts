/** The heads of a capture: keys, the queries that may be looked at, and the queries that everything is measured on. */
import { readFileSync } from 'node:fs';
import { openTensors } from '../src/io/index.js';
import { type KeyMatrix, matrixOver } from '../src/keys.js';
import { type Capture, captureFile } from './captures.js';

/** One key head and the query heads that share it. */
export interface Head {
  readonly layer: number;
  readonly head: number;
  readonly n: number;
  readonly d: number;
  readonly dv: number;
  /** Logits are scale <q,k>. */
  readonly scale: number;
  /** [n, d]. */
  readonly keys: Float32Array;
  /** [n, d]: the keys before rotary embedding. */
  readonly keysBefore?: Float32Array;
  /** [n, dv]. */
  readonly values: Float32Array;
  /** One matrix [observed, d] for each query head: queries that a metric or a selector may look at. */
  readonly observed: readonly KeyMatrix[];
  /** Whether observed query i of m sees only the keys up to i + n - m. */
  readonly causal: boolean;
  /** One matrix [test, d] for each query head: queries that see all keys, and that nothing is made from. */
  readonly test: readonly KeyMatrix[];
}

/** Observed are the queries before the keys' end, in a causal model; of an encoder every 8th query, and tested those in the middle between. */
const STORY_OBSERVED = 32;
const ENCODER_STEP = 8;
const ENCODER_TEST = [2, 6];

/** [heads, rows, width]. */
interface Rows {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** The key heads of a layer. */
export async function headsOf(capture: Capture, layer: number): Promise<Head[]> {
  const file = await openTensors(readFileSync(captureFile(capture)));
  const has = (name: string) => file.names.includes(`layer${layer}.${name}`);
  const read = async (name: string): Promise<Rows> => {
    const { data, shape } = (await file.open(`layer${layer}.${name}`)).read();
    return { data: Float32Array.from(data), shape: shape.slice(-3) };
  };
  const k = await read('k');
  const v = await read('v');
  const before = has('kPre') ? await read('kPre') : undefined;
  const { n, causal } = capture;
  const { observed, test } = has('test')
    ? { observed: await read('observed'), test: await read('test') }
    : split(await read('q'), n, causal);
  const [keyHeads, , d] = k.shape;
  const scale = capture.scale ?? 1 / Math.sqrt(d);
  return Array.from({ length: keyHeads }, (_, head) => ({
    layer,
    head,
    n,
    d,
    dv: v.shape[2],
    scale,
    keys: rowsOf(k, head, n),
    ...(before && { keysBefore: rowsOf(before, head, n) }),
    values: rowsOf(v, head, n),
    observed: groupOf(observed, head, keyHeads),
    causal,
    test: groupOf(test, head, keyHeads),
  }));
}

/** The observed and the tested of all queries, [heads, rows, d]. */
function split(q: Rows, n: number, causal: boolean): { observed: Rows; test: Rows } {
  const all = Array.from({ length: q.shape[1] }, (_, i) => i);
  if (causal) return { observed: take(q, all.slice(n - STORY_OBSERVED, n)), test: take(q, all.slice(n)) };
  return {
    observed: take(
      q,
      all.filter((i) => i % ENCODER_STEP === 0),
    ),
    test: take(
      q,
      all.filter((i) => ENCODER_TEST.includes(i % ENCODER_STEP)),
    ),
  };
}

function take({ data, shape: [heads, rows, d] }: Rows, indices: readonly number[]): Rows {
  const taken = new Float32Array(heads * indices.length * d);
  for (let head = 0, at = 0; head < heads; head++)
    for (const i of indices) {
      const from = (head * rows + i) * d;
      taken.set(data.subarray(from, from + d), at);
      at += d;
    }
  return { data: taken, shape: [heads, indices.length, d] };
}

function rowsOf({ data, shape: [, rows, width] }: Rows, head: number, n: number): Float32Array {
  return data.slice(head * rows * width, (head * rows + n) * width);
}

function groupOf({ data, shape: [heads, rows, d] }: Rows, head: number, keyHeads: number): KeyMatrix[] {
  const group = heads / keyHeads;
  return Array.from({ length: group }, (_, g) => matrixOver(data, rows, d, (head * group + g) * rows * d));
}
