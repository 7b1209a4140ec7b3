/** How fast is LevAttention with 128 and 32 stored pairs against exact attention, in the same kernels and in those of others? */
import {
  type AttentionCase,
  type AttentionResult,
  attentionCases,
  attentionData,
  caseTitle,
  compareAttention,
  gathered,
  quickAttentionCases,
} from './attention-data.js';
import { type Contestant, race } from './measure.js';
import { exactAttention, levAttention, selection } from './own-attention.js';
import { jaxAttention } from './peers/jax-attention.js';
import { type OnnxruntimePackage, onnxruntimeAttention } from './peers/onnxruntime.js';
import type { Setting } from './peers/setup.js';
import { tensorflowAttention } from './peers/tensorflow.js';
import { torchAttention } from './peers/torch-attention.js';
import { type Answer, type Row, ratioOf, rowsOf, type Table, type Target } from './results.js';

export async function attention(setting: Setting): Promise<Answer> {
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const each of setting.quick ? quickAttentionCases : attentionCases) {
    const title = `forward, ${caseTitle(each)}`;
    if (!setting.asked(title)) continue;
    setting.say(title);
    const table = { title, unit: 'ms', rows: await rowsFor(each, setting) } as const;
    tables.push(table);
    targets.push(...targetsOf(table, each));
  }
  return {
    question: 'Attention over 128 and 32 keys against exact attention',
    about: [
      'Softmax self-attention, no mask, Gaussian queries, keys and values in float32. "128 keys" is `levAttention(q, k, v, {keys: 128})`: leverage scores of all keys, their top, attention over these; "128 keys given" is told which.',
      'Each engine runs the fastest form of exact attention that it has. onnxruntime: MatMul-Softmax-MatMul, its fused MultiHeadAttention, and the Attention operator of ONNX 23; PyTorch: scaled_dot_product_attention, fused or plain; jax-js and TensorFlow.js: products and a softmax. Those that write all logits down get the queries in chunks that suit their caches. "the same 128 keys" is onnxruntime on the selected keys and values alone: the gain is that of the algorithm, whatever the engine.',
    ].join('\n'),
    tables,
    targets,
  };
}

async function rowsFor(each: AttentionCase, setting: Setting): Promise<Row[]> {
  const { packages, python, folder, quick } = setting;
  const data = attentionData(each);
  const chosen = selection(data, 128);
  const onnxruntime = (engine: OnnxruntimePackage, threads: number) =>
    onnxruntimeAttention(engine, packages, threads, data);
  const same = { what: 'the same 128 keys' };
  const torch = (threads: number) => torchAttention(python, threads, data, 'forward', folder);
  const entries: { over: string; contestant: Contestant<AttentionResult> }[] = [
    { over: '128 keys', contestant: levAttention(data, 128) },
    { over: '128 keys', contestant: levAttention(data, 128, chosen) },
    { over: '32 keys', contestant: levAttention(data, 32) },
    { over: 'all keys', contestant: exactAttention(data) },
    { over: 'all keys', contestant: onnxruntime('onnxruntime-node', 1) },
    { over: 'all keys', contestant: onnxruntime('onnxruntime-node', 2) },
    { over: 'all keys', contestant: onnxruntime('onnxruntime-web', 1) },
    { over: 'all keys', contestant: torch(1) },
    { over: 'all keys', contestant: torch(2) },
    { over: 'all keys', contestant: jaxAttention(packages, data, 'forward') },
    { over: 'all keys', contestant: tensorflowAttention(packages, data, 'forward') },
    {
      over: '128 keys',
      contestant: onnxruntimeAttention('onnxruntime-node', packages, 1, gathered(data, chosen), same),
    },
  ];
  const long = each.n > 16_384;
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
    return result && reference && result !== reference
      ? compareAttention(result, reference, over)
      : undefined;
  });
}

const own = (what: string) => ({ contestant: `levattention, ${what}`, threads: 1 });
const exact = (engine: string) => ({ contestant: `${engine}, exact`, threads: 1 });

function targetsOf(table: Table, each: AttentionCase): Target[] {
  const targets: Target[] = [
    {
      text: `exact attention, ${caseTitle(each)}, in our kernels against onnxruntime-web, 1 thread each`,
      bound: 'at least',
      wanted: 1,
      ratio: ratioOf(table, 'forward', exact('onnxruntime-web'), own('exact')),
    },
  ];
  const wanted = new Map([
    [16_384, 10],
    [65_536, 40],
  ]).get(each.n);
  if (wanted !== undefined)
    targets.push({
      text: `attention over 128 keys, ${caseTitle(each)}, against exact attention in onnxruntime-node, 1 thread each`,
      bound: 'at least',
      wanted,
      ratio: ratioOf(table, 'forward', exact('onnxruntime-node'), own('128 keys')),
    });
  return targets;
}
