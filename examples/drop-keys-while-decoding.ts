/** A cache that drops keys once no query can give them weight any more: npx tsx examples/drop-keys-while-decoding.ts */
import { readFileSync } from 'node:fs';

// In a project of your own: from 'levattention' and 'levattention/io'.
import { OnlineKeys } from '../src/index.js';
import { readTensor } from '../src/io/index.js';

const file = readFileSync(new URL('data/stories260k.safetensors', import.meta.url));
const k = await readTensor(file, 'layer2.k'); // [1, 4, 509, 8]
const q = await readTensor(file, 'layer2.q'); // [1, 8, 509, 8]: query heads 2h and 2h + 1 read key head h
const [, heads, n, d] = k.shape;
const epsilon = 0.1;

const rowOf = ({ data }: { data: Float32Array | Float64Array }, head: number, t: number) =>
  data.subarray((head * n + t) * d, (head * n + t + 1) * d);

function squaredDot(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let sum = 0;
  for (let c = 0; c < d; c++) sum += x[c] * y[c];
  return sum * sum;
}

for (let head = 0; head < heads; head++) {
  const online = new OnlineKeys({ d, epsilon });
  const cache = new Set<number>();
  let [largest, heavy, missed] = [0, 0, 0];
  for (let t = 0; t < n; t++) {
    const { kept, expired } = online.push(rowOf(k, head, t));
    if (kept) cache.add(t);
    for (const key of expired) cache.delete(key);
    largest = Math.max(largest, cache.size);
    // The real queries at this position, over all keys so far: is every heavy one still in the cache?
    for (const query of [2 * head, 2 * head + 1]) {
      const weights = Array.from({ length: t + 1 }, (_, j) =>
        squaredDot(rowOf(q, query, t), rowOf(k, head, j)),
      );
      const total = weights.reduce((a, b) => a + b);
      weights.forEach((weight, j) => {
        if (weight < epsilon * total) return;
        heavy++;
        if (!cache.has(j)) missed++;
      });
    }
  }
  console.log(
    `head ${head}: at most ${largest} of ${n} keys in the cache, ${cache.size} at the end; ${heavy} scores of ${epsilon} or more, ${missed} missed`,
  );
}
