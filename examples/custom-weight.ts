/** A weight function of your own, and what is said when it breaks the rules: npx tsx examples/custom-weight.ts */

// In a project of your own: from 'levattention'.
import { randomStream, universalSet, type WeightFunction } from '../src/index.js';

/** Fair's function |x| - log(1 + |x|): x^2/2 near zero, |x| far out, so its growth is between |x|^1 and |x|^2. */
const fair: WeightFunction = {
  name: 'fair',
  growth: 2,
  lowerGrowth: 1,
  value(x) {
    const size = Math.abs(x);
    // The series, where the difference of the closed form has no digits left.
    return size < 1e-4 ? size ** 2 * (1 / 2 - size / 3) : size - Math.log1p(size);
  },
};

// Heavy-tailed keys: a few are far longer than the others.
const [n, d] = [500, 4];
const random = randomStream(1);
const data = new Float64Array(n * d);
for (let i = 0; i < n; i++) {
  const length = (1 - random.uniform()) ** -0.7;
  for (let c = 0; c < d; c++) data[i * d + c] = length * random.normal();
}
const keys = { data, shape: [n, d] } as const;
const set = universalSet(keys, { epsilon: 0.1, f: fair });
console.log(`${set.f}: ${set.indices.length} of ${n} keys, ${set.guarantee}`);

// Each key as a query, short and long: which keys get a score of 0.1, and are they all in the set?
const heavy = new Set<number>();
for (const factor of [0.01, 1, 100])
  for (let i = 0; i < n; i++) {
    const query = data.slice(i * d, (i + 1) * d).map((x) => factor * x);
    const products = Array.from({ length: n }, (_, j) =>
      query.reduce((sum, x, c) => sum + x * data[j * d + c], 0),
    );
    const weights = products.map(fair.value);
    const total = weights.reduce((sum, weight) => sum + weight);
    for (const [j, weight] of weights.entries()) if (weight >= 0.1 * total) heavy.add(j);
  }
const missing = [...heavy].filter((key) => !set.indices.includes(key));
console.log(`${heavy.size} are heavy for one of ${3 * n} queries, ${missing.length} of these are missing`);

// Growth at most |x| is a wrong promise: near zero the function is a square. It is found out, not believed.
try {
  universalSet(keys, { epsilon: 0.1, f: { ...fair, growth: 1 } });
} catch (error) {
  console.log(String(error));
}
