/** How fast is LevAttention (64 and 128 keys) against exact attention, in onnxruntime and in the same kernels? */
import { draw } from './inputs.js';
import { library } from './library.js';
import { absentee, type Contestant, type Run, race, timed } from './measure.js';
import { type AttentionData, onnxruntimeContestant } from './peers/onnxruntime.js';
import { packageVersion } from './peers/packages.js';
import type { Setting } from './peers/setup.js';
import { type Answer, type Check, type Row, ratioOf, rowsOf, type Table, type Target } from './results.js';

/** Self-attention of n positions. */
interface Case {
  readonly heads: number;
  readonly n: number;
  readonly d: number;
}

const cases: readonly Case[] = [
  { heads: 1, n: 1024, d: 64 },
  { heads: 1, n: 4096, d: 64 },
  { heads: 1, n: 16_384, d: 64 },
  { heads: 1, n: 65_536, d: 64 },
  { heads: 8, n: 1024, d: 64 },
  { heads: 8, n: 4096, d: 64 },
];

const quickCases: readonly Case[] = [
  { heads: 1, n: 1024, d: 64 },
  { heads: 1, n: 4096, d: 64 },
  { heads: 8, n: 1024, d: 64 },
];

const keyCounts = [128, 64];
const wanted = 8;

/** Relative error that two float32 computations of the same sums may have. */
const tolerance = 1e-5;

export async function attention(setting: Setting): Promise<Answer> {
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const { heads, n, d } of setting.quick ? quickCases : cases) {
    const title = `n = ${n.toLocaleString('en')}, d = ${d}, ${heads === 1 ? '1 head' : `${heads} heads`}`;
    if (!setting.asked(title)) continue;
    setting.say(title);
    const table = { title, unit: 'ms', rows: await rowsFor({ heads, n, d }, setting) } as const;
    tables.push(table);
    if (n === 16_384) targets.push(target(table));
  }
  return {
    question: 'Attention over 64 and 128 keys against exact attention',
    about: [
      'Softmax self-attention, no mask, Gaussian queries, keys and values in float32. "selection included" is `levAttention(q, k, v, {keys})`: leverage scores of all keys, their top, attention over these; "selection excluded" is given the keys.',
      'onnxruntime runs the fastest of its graphs: MatMul-Softmax-MatMul, its fused MultiHeadAttention, and the Attention operator of ONNX 23, with the queries in chunks that suit its caches. "the same 128 keys" is onnxruntime on the selected keys and values alone: the gain is that of the algorithm, whatever the engine.',
    ].join('\n'),
    tables,
    targets,
  };
}

async function rowsFor({ heads, n, d }: Case, { packages, quick }: Setting): Promise<Row[]> {
  const [q, k, v] = [1, 2, 3].map((seed) => draw('Gaussian', heads * n, d, seed));
  const data: AttentionData = { q, k, v, heads, m: n, n, d };
  const chosen = selection(data, keyCounts[0]);
  const peer = (name: string, threads: number, of: AttentionData) =>
    packageVersion('onnxruntime-node') === undefined
      ? absentee<Float32Array>(name, threads, packages ?? 'not installed')
      : onnxruntimeContestant(name, threads, of);
  const [most, fewer] = keyCounts;
  const entries = [
    { over: `${most} keys`, contestant: levAttention(data, most) },
    { over: `${most} keys`, contestant: levAttention(data, most, chosen) },
    { over: `${fewer} keys`, contestant: levAttention(data, fewer) },
    { over: `${fewer} keys`, contestant: levAttention(data, fewer, selection(data, fewer)) },
    { over: 'all keys', contestant: exactAttention(data) },
    { over: 'all keys', contestant: peer('onnxruntime, exact', 1, data) },
    { over: 'all keys', contestant: peer('onnxruntime, exact', 2, data) },
    {
      over: `${most} keys`,
      contestant: peer(`onnxruntime, the same ${most} keys`, 1, gathered(data, chosen)),
    },
  ];
  const long = n > 16_384;
  const contestants = entries.map(({ contestant }) => contestant);
  const timings = await race(contestants, {
    seconds: quick || long ? 1 : 4,
    rounds: long ? 5 : 15,
    warmUp: !long,
  });
  return rowsOf(contestants, timings, ({ result }, i) => {
    const { over } = entries[i];
    // The first over these keys is our own.
    const reference = timings[entries.findIndex((entry) => entry.over === over)].result;
    return result && reference && result !== reference ? compare(result, reference, over) : undefined;
  });
}

function tensorsOf({ q, k, v, heads, m, n, d }: AttentionData) {
  return [
    { data: q, shape: [1, heads, m, d] },
    { data: k, shape: [1, heads, n, d] },
    { data: v, shape: [1, heads, n, d] },
  ] as const;
}

/** The keys that LevAttention keeps of each head. */
function selection(data: AttentionData, keys: number): (readonly number[])[] {
  const [q, k, v] = tensorsOf(data);
  const few = { data: q.data.subarray(0, data.heads * data.d), shape: [1, data.heads, 1, data.d] };
  return library.levAttention(few, k, v, { keys }).heads.map(({ indices }) => indices);
}

/** The same queries with the chosen keys and values only. */
function gathered(data: AttentionData, chosen: readonly (readonly number[])[]): AttentionData {
  const { k, v, heads, n, d } = data;
  const rows = chosen.flatMap((indices, h) => indices.map((j) => h * n + j));
  const take = (from: Float32Array) => {
    const taken = new Float32Array(rows.length * d);
    for (const [at, row] of rows.entries()) taken.set(from.subarray(row * d, (row + 1) * d), at * d);
    return taken;
  };
  return { ...data, k: take(k), v: take(v), n: rows.length / heads };
}

/** With its selection, or given one. */
function levAttention(
  data: AttentionData,
  keys: number,
  chosen?: readonly (readonly number[])[],
): Contestant<Float32Array> {
  const [q, k, v] = tensorsOf(data);
  // Called head by head.
  let head = 0;
  const select = chosen && { name: 'given', select: () => [...chosen[head++ % chosen.length]] };
  return {
    name: `levattention, ${keys} keys, selection ${chosen ? 'excluded' : 'included'}`,
    threads: 1,
    prepare: async () => ({ run: () => forward(() => library.levAttention(q, k, v, { keys, select }).out) }),
  };
}

function exactAttention(data: AttentionData): Contestant<Float32Array> {
  const [q, k, v] = tensorsOf(data);
  return {
    name: 'levattention, exact',
    threads: 1,
    prepare: async () => ({ run: () => forward(() => library.exactAttention(q, k, v)) }),
  };
}

async function forward(work: () => { data: Float32Array | Float64Array }): Promise<Run<Float32Array>> {
  const { milliseconds, value } = await timed(work);
  // Float32 in, float32 out.
  return { laps: { forward: milliseconds }, result: () => value.data as Float32Array };
}

/** |a - b| / |b| over all entries. */
function compare(output: Float32Array, reference: Float32Array, over: string): Check {
  let error = 0;
  let size = 0;
  for (let at = 0; at < reference.length; at++) {
    error += (output[at] - reference[at]) ** 2;
    size += reference[at] ** 2;
  }
  const relative = Math.sqrt(error / size);
  return {
    same: output.length === reference.length && relative <= tolerance,
    text: `over ${over}, within ${relative.toExponential(0)}`,
  };
}

function target(table: Table): Target {
  const slower = { contestant: 'onnxruntime, exact', threads: 1 };
  const faster = { contestant: 'levattention, 128 keys, selection included', threads: 1 };
  return {
    text: 'levattention with 128 keys, selection included, at n = 16,384, against exact attention in onnxruntime, 1 thread each',
    bound: 'at least',
    wanted,
    ratio: ratioOf(table, 'forward', slower, faster),
  };
}
