/** Which keys can ever be heavy, and the query that makes one of them so: npx tsx examples/universal-set.ts */

// In a project of your own: from 'levattention'.
import { heavyScores, randomStream, universalSet } from '../src/index.js';

// 1000 keys in the plane, nearly all of them along the first axis; key 700 is short, but alone in its direction.
const n = 1000;
const random = randomStream(1);
const data = Float64Array.from({ length: 2 * n }, (_, i) => (i % 2 === 0 ? 3 : 0.05) * random.normal());
data.set([0.5, 2], 2 * 700);
const keys = { data, shape: [n, 2] } as const; // as const: two sizes, so one matrix and one set

// Of many keys the default is a quick superset with upper bounds; exact gives the minimal set and the scores.
const set = universalSet(keys, { epsilon: 0.1, exact: true });
console.log(`keys that can get 0.1 of the attention: ${set.indices} of ${n}, ${set.guarantee}`);
console.log(`there can be at most ${set.sizeBound}`);

// The query that is best for key k is y = (K^T K)^-1 k, here [[c, -b], [-b, a]] k up to a factor.
let [a, b, c] = [0, 0, 0];
for (let i = 0; i < 2 * n; i += 2) {
  a += data[i] * data[i];
  b += data[i] * data[i + 1];
  c += data[i + 1] * data[i + 1];
}
const [k0, k1] = data.subarray(2 * 700, 2 * 701);
const query = { data: Float64Array.of(c * k0 - b * k1, a * k1 - b * k0), shape: [1, 2] } as const;
const heavy = heavyScores(query, keys, { epsilon: 0.1 });
console.log(`its best query gives key ${heavy.cols} the score ${heavy.scores[0].toFixed(6)}`);
console.log(`its leverage score says that no query gives it more than ${set.scores[0].toFixed(6)}`);

// Whatever else is asked, no other key gets that far: ten thousand random queries, all scores of each.
let largest = 0;
for (let query = 0; query < 10_000; query++) {
  const [y0, y1] = [random.normal(), random.normal()];
  const weights = Array.from({ length: n }, (_, j) => (data[2 * j] * y0 + data[2 * j + 1] * y1) ** 2);
  const total = weights.reduce((sum, weight) => sum + weight);
  weights[700] = 0;
  largest = Math.max(largest, weights.reduce((most, weight) => Math.max(most, weight)) / total);
}
console.log(`no other key got more than ${largest.toFixed(3)} from 10000 random queries`);
