/** A language model's cache cut down to a few keys, against exact attention: npx tsx examples/prune-kv-cache.ts */
import { readFileSync } from 'node:fs';

// In a project of your own: from 'levattention' and 'levattention/io'.
import { compareAttention, levAttention } from '../src/index.js';
import { readTensor } from '../src/io/index.js';

const file = readFileSync(new URL('data/stories260k.safetensors', import.meta.url));
const [layers, cached, total] = [5, 381, 509];

/** Positions [start, end) of each head of a tensor [1, heads, 509, 8] of the capture. */
async function positions(name: string, start: number, end: number) {
  const { data, shape } = await readTensor(file, name);
  const [, heads, n, d] = shape;
  const rows = Array.from({ length: heads }, (_, h) => [
    ...data.subarray((h * n + start) * d, (h * n + end) * d),
  ]);
  return { data: Float32Array.from(rows.flat()), shape: [1, heads, end - start, d] };
}

// The first 381 tokens are in the cache, the last 128 ask. Four sinks and the 32 latest keys are always kept.
const always = [0, 1, 2, 3, ...Array.from({ length: 32 }, (_, i) => cached - 32 + i)];
const selectors = ['leverage', 'leverage-centred', 'random', 'snapkv'];
const counts = [64, 128, 192, 256, cached];
const errors = counts.map(() => selectors.map(() => 0)); // means over heads and layers
for (let layer = 0; layer < layers; layer++) {
  const q = await positions(`layer${layer}.q`, cached, total);
  const k = await positions(`layer${layer}.k`, 0, cached);
  const v = await positions(`layer${layer}.v`, 0, cached);
  for (const [row, keys] of counts.entries()) {
    const results = selectors.map((select) => levAttention(q, k, v, { keys, select, always }));
    for (const [column, heads] of compareAttention(q, k, v, results).entries())
      for (const { error } of heads) errors[row][column] += error / heads.length / layers;
  }
}

console.log('relative error of the output');
console.log(['keys kept', ...selectors].map((name) => name.padStart(17)).join(''));
for (const [row, keys] of counts.entries())
  console.log(
    [`${keys}`, ...errors[row].map((error) => error.toFixed(3))].map((cell) => cell.padStart(17)).join(''),
  );
// Softmax is not what the guarantee is about: which selector serves a model has to be measured, as here.
