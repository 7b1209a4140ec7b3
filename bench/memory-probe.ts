/** One computation in a fresh process: prints the bytes that it needed beside its input (arguments: task, n, d, file of keys). */
import { readFileSync } from 'node:fs';
import { draw } from './inputs.js';
import { library } from './library.js';
import { attentionGraphs } from './peers/onnx-graph.js';
import { onnxruntimeContestant } from './peers/onnxruntime.js';
import { forgetPeak, residentMemory } from './resident.js';

const [task, rows, columns, path] = process.argv.slice(2);
const n = Number(rows);
const d = Number(columns);

/** The computation, with its input in memory. */
async function prepare(): Promise<() => unknown> {
  if (task === 'universalSet') {
    const bytes = readFileSync(path);
    const keys = { data: new Float32Array(bytes.buffer, bytes.byteOffset, n * d), shape: [n, d] };
    return () => library.universalSet(keys, { epsilon: 0.01 });
  }
  const [q, k, v] = [1, 2, 3].map((seed) => draw('Gaussian', n, d, seed));
  const [qs, ks, vs] = [q, k, v].map((data) => ({ data, shape: [n, d] }));
  if (task === 'levAttention') return () => library.levAttention(qs, ks, vs, { keys: 128 });
  if (task === 'exactAttention') return () => library.exactAttention(qs, ks, vs);
  const graphs = attentionGraphs.filter(({ name }) => name === task);
  const { run } = await onnxruntimeContestant(task, 1, { q, k, v, heads: 1, m: n, n, d }, graphs).prepare();
  return run;
}

const run = await prepare();
forgetPeak();
const before = residentMemory('VmRSS');
await run();
process.stdout.write(String(residentMemory('VmHWM') - before));
