/** How fast is LevAttention with 128 and 32 stored pairs, and with its gradients, against exact attention in our kernels and in others? */
import {
  type AttentionCase,
  type AttentionData,
  type AttentionResult,
  attentionCases,
  attentionData,
  caseTitle,
  compareAttention,
  gathered,
  type Pass,
  passes,
  quickAttentionCases,
} from './attention-data.js';
import { type Contestant, race } from './measure.js';
import { exactAttention, levAttention, selection } from './own-attention.js';
import { jaxAttention } from './peers/jax-attention.js';
import { type OnnxruntimePackage, onnxruntimeAttention } from './peers/onnxruntime.js';
import type { Setting } from './peers/setup.js';
import { tensorflowAttention } from './peers/tensorflow.js';
import { torchAttention } from './peers/torch-attention.js';
import { type Answer, type Check, type Row, ratioOf, rowsOf, type Table, type Target } from './results.js';
import { attentionOverPairs } from './stored-oracle.js';

export async function attention(setting: Setting): Promise<Answer> {
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const pass of passes)
    for (const each of setting.quick ? quickAttentionCases : attentionCases) {
      const title = `${pass}, ${caseTitle(each)}`;
      if (!setting.asked(title)) continue;
      setting.say(title);
      const table = { title, unit: 'ms', rows: await rowsFor(each, pass, setting) } as const;
      tables.push(table);
      targets.push(...targetsOf(table, each, pass));
    }
  return {
    question: 'Attention over 128 and 32 stored pairs against exact attention',
    about: [
      'Softmax self-attention, no mask, Gaussian queries, keys and values in float32. "128 keys" is `levAttention(q, k, v, {keys: 128})`: leverage scores of all keys, their top, attention over these; "128 keys given" is told which; "128 clusters" is the same with `tail: \'clusters\'`, their making included, and the choice for each head among several kinds of them, unless one is named. Forward and backward also computes the gradients by q, k and v.',
      'Each engine runs the fastest form of exact attention that it has. onnxruntime: MatMul-Softmax-MatMul, its fused MultiHeadAttention, and the Attention operator of ONNX 23; PyTorch: scaled_dot_product_attention, fused or plain, and autograd; jax-js: products and a softmax, jitted, and vjp; TensorFlow.js: the same products, and grads. Those that write all logits down get the queries in chunks that suit their caches. "the same 128 keys" is onnxruntime on the selected keys and values alone: the gain is that of the algorithm, whatever the engine. Agreement of stored pairs is with the definition in float64.',
    ].join('\n'),
    tables,
    targets,
  };
}

/** A contestant, and what its attention is over. */
interface Entry {
  readonly over: string;
  readonly contestant: Contestant<AttentionResult>;
}

async function rowsFor(
  each: AttentionCase,
  pass: Pass,
  { packages, python, folder, quick }: Setting,
): Promise<Row[]> {
  const data = attentionData(each);
  const entries: Entry[] = [
    ...ownEntries(data, pass),
    ...(pass === 'forward' ? onnxruntimeEntries(data, packages) : []),
    ...[1, 2].map((threads) => exact(torchAttention(python, threads, data, pass, folder))),
    exact(jaxAttention(packages, data, pass)),
    exact(tensorflowAttention(packages, data, pass)),
  ];
  const long = each.n > 16_384;
  const contestants = entries.map(({ contestant }) => contestant);
  const timings = await race(contestants, {
    seconds: quick || long ? 1 : 4,
    rounds: long ? 5 : 15,
    warmUp: !long,
  });
  return rowsOf(contestants, timings, ({ result }, i): Check | undefined => {
    if (!result) return undefined;
    if (result.heads)
      return compareAttention(result, attentionOverPairs(data, result.heads, pass), 'in float64');
    const { over } = entries[i];
    // The first over these keys is our own.
    const reference = timings[entries.findIndex((entry) => entry.over === over)].result;
    return reference && result !== reference
      ? compareAttention(result, reference, `over ${over}`)
      : undefined;
  });
}

const exact = (contestant: Contestant<AttentionResult>): Entry => ({ over: 'all keys', contestant });

function ownEntries(data: AttentionData, pass: Pass): Entry[] {
  const chosen = selection(data, 128);
  return [
    { over: '128 keys', contestant: levAttention(data, pass, 128) },
    { over: '128 keys', contestant: levAttention(data, pass, 128, { threads: 2 }) },
    { over: '128 keys', contestant: levAttention(data, pass, 128, { chosen }) },
    { over: '32 keys', contestant: levAttention(data, pass, 32) },
    { over: '128 clusters', contestant: levAttention(data, pass, 128, { tail: 'clusters' }) },
    { over: '128 clusters', contestant: levAttention(data, pass, 128, { tail: ONE_KIND }) },
    { over: '32 clusters', contestant: levAttention(data, pass, 32, { tail: 'clusters' }) },
    exact(exactAttention(data, pass)),
    exact(exactAttention(data, pass, 2)),
  ];
}

/** Without the choice between several kinds of clusters for each head. */
const ONE_KIND = 'clusters:exact=0,metric=euclidean';

/** It has no gradients. */
function onnxruntimeEntries(data: AttentionData, packages: string | undefined): Entry[] {
  const engine = (name: OnnxruntimePackage, threads: number) =>
    exact(onnxruntimeAttention(name, packages, threads, data));
  const few = gathered(data, selection(data, 128));
  const same = onnxruntimeAttention('onnxruntime-node', packages, 1, few, { what: 'the same 128 keys' });
  return [
    engine('onnxruntime-node', 1),
    engine('onnxruntime-node', 2),
    engine('onnxruntime-web', 1),
    { over: '128 keys', contestant: same },
  ];
}

/** Ratios that are wanted by n, of what is stored against exact attention in another engine. */
const storedTargets = [
  { pass: 'forward', n: 16_384, stored: '128 keys', engine: 'onnxruntime-node', wanted: 10 },
  { pass: 'forward', n: 16_384, stored: '128 clusters', engine: 'onnxruntime-node', wanted: 5 },
  { pass: 'forward', n: 65_536, stored: '128 keys', engine: 'onnxruntime-node', wanted: 40 },
  { pass: 'forward', n: 65_536, stored: '128 clusters', engine: 'onnxruntime-node', wanted: 20 },
  { pass: 'forward and backward', n: 16_384, stored: '128 keys', engine: 'PyTorch', wanted: 10 },
  { pass: 'forward and backward', n: 16_384, stored: '128 clusters', engine: 'PyTorch', wanted: 5 },
];

function targetsOf(table: Table, each: AttentionCase, pass: Pass): Target[] {
  const side = (name: string, what: string) => ({ contestant: `${name}, ${what}`, threads: 1 });
  const targets = storedTargets
    .filter((target) => target.pass === pass && target.n === each.n)
    .map(
      ({ stored, engine, wanted }): Target => ({
        text: `levattention, ${stored}, ${table.title}, against exact attention in ${engine}, 1 thread each`,
        bound: 'at least',
        wanted,
        ratio: ratioOf(table, pass, side(engine, 'exact'), side('levattention', stored)),
      }),
    );
  if (pass === 'forward')
    targets.push({
      text: `levattention, exact, ${table.title}, against onnxruntime-web, 1 thread each`,
      bound: 'at least',
      wanted: 1,
      ratio: ratioOf(table, pass, side('onnxruntime-web', 'exact'), side('levattention', 'exact')),
    });
  return targets;
}
