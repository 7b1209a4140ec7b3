/** What queries attend to, against its definition. */
import { expect, it } from 'vitest';
import { wasmAttend } from '../../kernels/wasm-attend.js';
import type { Floats } from '../../keys.js';
import { randomStream } from '../../random.js';
import { run } from '../../steps.js';
import { distance, randomTensor, toFloat32 } from '../testing.js';
import { massOf } from './query-mass.js';

/** [n]: sum_i w_ij / sum_l w_il over the queries i that see key j. */
function byDefinition(
  q: Floats,
  k: Floats,
  d: number,
  {
    scale,
    power,
    visible,
    logWeights,
  }: { scale: number; power?: number; visible: Uint32Array; logWeights?: Floats },
) {
  const n = k.length / d;
  const mass = new Float64Array(n);
  visible.forEach((limit, i) => {
    const logs = Float64Array.from({ length: limit }, (_, j) => {
      let dot = 0;
      for (let c = 0; c < d; c++) dot += q[i * d + c] * k[j * d + c];
      const log = power === undefined ? scale * dot : power * Math.log(Math.abs(dot));
      return log + (logWeights?.[j] ?? 0);
    });
    const most = logs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const total = logs.reduce((sum, x) => sum + Math.exp(x - most), 0);
    logs.forEach((x, j) => {
      mass[j] += Math.exp(x - most) / total;
    });
  });
  return mass;
}

it.each([
  { d: 3, n: 40, count: 5 },
  { d: 8, n: 500, count: 20 },
  // Keys in several blocks.
  { d: 64, n: 8200, count: 64 },
])('is the sum of the attention weights of each key: $n keys, $count queries', ({ d, n, count }) => {
  const [q, k] = [randomTensor([count, d], 1), randomTensor([n, d], 2)];
  const far = Float64Array.from({ length: n }, (_, j) => 100 * Math.sin(j));
  const all = new Uint32Array(count).fill(n);
  // In no order, and the first query sees one key only.
  const few = all.map((_, i) => 1 + ((i * 7919) % n));
  for (const [q1, k1, within] of [
    [q.data, k.data, 1e-10],
    [toFloat32(q).data, toFloat32(k).data, 1e-5],
  ] as const) {
    if (n > 1000 && q1 instanceof Float64Array) continue;
    for (const visible of [all, few])
      for (const logWeights of [undefined, far])
        for (const power of [undefined, 3]) {
          const head = {
            k: k1,
            v: k1,
            n,
            d,
            dv: d,
            q: q1,
            m: count,
            causal: false,
            scale: 0.7,
            power,
            logWeights,
            attend: wasmAttend,
            choose: () => {
              throw new Error('nothing is chosen');
            },
            always: [],
            random: randomStream(1),
          };
          const mass = run(massOf({ rows: q1, count, visible }, head));
          expect(distance(mass, byDefinition(q1, k1, d, { ...head, visible }))).toBeLessThan(within);
        }
  }
});
