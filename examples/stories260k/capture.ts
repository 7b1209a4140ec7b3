/** Keeps the queries, keys and values of each layer of stories260K as its attention sees them, on the story beside. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeSafetensors } from '../../src/io/index.js';
import { loadStories } from './load.js';
import { type Attention, forward } from './model.js';

/** Where the capture is kept in the repository. */
export const CAPTURE = fileURLToPath(new URL('../data/stories260k.safetensors', import.meta.url));

/** The bytes of the capture, from the folder of the model's files. */
export function capture(folder: string): Uint8Array {
  const { model, tokenizer } = loadStories(folder);
  const { heads, kvHeads, headDim } = model.config;
  const text = readFileSync(new URL('story.txt', import.meta.url), 'utf8').trimEnd();
  const tokens = tokenizer.encode(text);
  const tensors = forward(model, tokens).attention.flatMap(({ q, k, v }: Attention, l) => [
    [`layer${l}.q`, headsFirst(q, heads, headDim)] as const,
    [`layer${l}.k`, headsFirst(k, kvHeads, headDim)] as const,
    [`layer${l}.v`, headsFirst(v, kvHeads, headDim)] as const,
  ]);
  const metadata = {
    model:
      'stories260K of karpathy/tinyllamas: Llama, 5 layers, 8 query heads, 4 key-value heads, head dimension 8',
    licence: 'model: MIT, Andrej Karpathy; text: Apache-2.0, the levattention authors',
    content:
      'queries q, keys k (both after RoPE) and values v that the causal attention of each layer saw, scale 1/sqrt(8)',
    made: 'npx tsx examples/stories260k/capture.ts FOLDER_OF_THE_WEIGHTS',
    text,
    tokens: JSON.stringify(tokens.map((token) => tokenizer.pieces[token])),
  };
  return writeSafetensors(Object.fromEntries(tensors), { metadata });
}

/** Rows of [n, heads, d] as the tensor [1, heads, n, d]. */
export function headsFirst(
  rows: Float32Array,
  heads: number,
  d: number,
): { data: Float32Array; shape: number[] } {
  const n = rows.length / (heads * d);
  const data = new Float32Array(rows.length);
  for (let i = 0; i < n; i++)
    for (let head = 0; head < heads; head++) {
      const row = (i * heads + head) * d;
      data.set(rows.subarray(row, row + d), (head * n + i) * d);
    }
  return { data, shape: [1, heads, n, d] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder] = process.argv.slice(2);
  if (!folder) {
    console.error('usage: capture.ts FOLDER, the folder with stories260K.bin and tok512.bin');
    process.exit(2);
  }
  try {
    writeFileSync(CAPTURE, capture(folder));
    console.log(`wrote ${CAPTURE}`);
  } catch (error) {
    console.error(String(error));
    process.exit(1);
  }
}
