/** How fast are universal sets (f = x^2), the certified superset of the default and the exact one? */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Contestant, race } from './measure.js';
import { copiedRead, residentRead } from './one-read.js';
import { allScores, exactSet, type Found, lazySet, type Shown, type Superset } from './own-sets.js';
import { jaxContestant } from './peers/jax.js';
import { mlMatrixContestant } from './peers/ml-matrix.js';
import { type PeerProcess, startPeer } from './peers/process.js';
import { numpyWays, pythonContestant, torchWay, type Way } from './peers/python-sets.js';
import type { Setting } from './peers/setup.js';
import { type Answer, type Check, type Row, rowsOf, type Table, type Target } from './results.js';
import { type Case, cases, MANY_ROWS, quickCases, titleOf } from './set-cases.js';
import { targetsOf } from './set-targets.js';

/** How far scores may be from ours: rounding in the worst case here, below what any use of them would notice. */
const tolerance = { float32: 1e-3, float64: 1e-9 } as const;
/** The same at a condition number of 1e6, of whose square a Gram loses the digits: none are left of float32. */
const illConditioned = { float32: 1, float64: 1e-6 } as const;

/** The Python processes, or why one is absent. */
interface Peers {
  readonly numpy: PeerProcess | string;
  readonly numpyOnTwo: PeerProcess | string;
  readonly torch: PeerProcess | string;
}

export async function universalSet(setting: Setting): Promise<Answer> {
  const { quick, say, asked } = setting;
  const tables: Table[] = [];
  const targets: Target[] = [];
  const peers = startPeers(setting);
  for (const example of quick ? quickCases : cases) {
    const title = titleOf(example);
    if (!asked(title)) continue;
    say(title);
    const table = await tableOf(title, example, peers, setting);
    tables.push(table);
    targets.push(...targetsOf(example, table));
  }
  for (const peer of Object.values(peers)) if (typeof peer === 'object') peer.close();
  return {
    question: 'Universal sets',
    about: [
      'From float32 keys in memory (for two threads of ours in shared memory) to the set of keys of score >= epsilon. "exact" is the minimal set; "lazy" the default, a certified superset of at most d/epsilon keys from a part of the keys, and the minimal set where there are too few of them. levattention accumulates in float64 and certifies its rounding.',
      'numpy computes all scores by the Gram, Cholesky and einsum; of "inverse" and "triangular solve" the faster one is shown. "keys in float64" were converted before the clock started, "keys in float32" are converted while it runs; "blocks" works in float64 on blocks of 2048 rows that stay in the cache, which is faster than what people write. "numpy: lazy" is the lazy algorithm itself, with a fixed margin in place of the proofs: the gain over "numpy float32" is the algorithm\'s. PyTorch takes the squared row norms of a thin QR, and the d/epsilon largest of them.',
      'A read of the keys is the sum of their entries in WASM SIMD: of blocks of 1024 rows that are copied into WASM memory one after the other, as the library does, and of all keys where they lie in WASM memory already.',
    ].join('\n'),
    tables,
    targets,
  };
}

function startPeers({ python }: Setting): Peers {
  if ('absent' in python) return { numpy: python.absent, numpyOnTwo: python.absent, torch: python.absent };
  const numpy = (threads: number) => startPeer(python.python, 'numpy_peer.py', threads);
  return {
    numpy: numpy(1),
    numpyOnTwo: numpy(2),
    torch: python.torch ?? startPeer(python.python, 'torch_peer.py', 1),
  };
}

async function tableOf(title: string, example: Case, peers: Peers, setting: Setting): Promise<Table> {
  const keys = await example.load(setting);
  if (typeof keys === 'string') return { title, unit: 'ms', rows: [], absent: keys };
  return { title, unit: 'ms', rows: await rowsFor(example, keys, peers, setting) };
}

async function rowsFor(
  example: Case,
  keys: Float32Array,
  peers: Peers,
  { packages, folder, quick }: Setting,
): Promise<Row[]> {
  const { n, d, distribution } = example;
  const shared = new Float32Array(new SharedArrayBuffer(keys.byteLength));
  shared.set(keys);
  const many = n > MANY_ROWS;
  const path = join(folder, 'keys.f32');
  await writeFile(path, keys);
  // Processes that take no part hold no keys.
  const holders = (many ? [peers.numpy] : Object.values(peers)).filter((peer) => typeof peer === 'object');
  for (const peer of holders) await peer.call('load', { path, d });
  const python = (peer: PeerProcess | string, threads: number, way: Way) =>
    pythonContestant(peer, threads, way, example, join(folder, 'scores.f64'));
  const contestants: Contestant<Shown>[] = [
    exactSet(example, keys),
    exactSet(example, shared, 2),
    lazySet(example, keys),
    lazySet(example, shared, 2),
    copiedRead(example, keys, folder),
    ...(many ? [] : [residentRead(keys, folder), allScores(example, keys)]),
    ...Object.values(numpyWays).map((way) => python(peers.numpy, 1, way)),
    python(peers.torch, 1, torchWay),
    ...(many
      ? []
      : [numpyWays.float32, numpyWays.held, numpyWays.lazy].map((way) => python(peers.numpyOnTwo, 2, way))),
    // What they take does not depend on the keys, and is seconds.
    ...(distribution === 'Gaussian' && n * d <= 6_400_000
      ? [mlMatrixContestant(packages, example, keys), jaxContestant(packages, example, keys)]
      : []),
  ];
  const seconds = quick ? 0.5 : n < MANY_ROWS ? 2 : many ? 6 : 3;
  const timings = await race(contestants, { seconds, rounds: 15, warmUp: true });
  for (const peer of holders) await peer.call('load', { path: null, d });
  const [first] = timings;
  return rowsOf(contestants, timings, ({ result }) =>
    result && first.result && 'scores' in first.result && result !== first.result
      ? compare(result, first.result, example)
      : undefined,
  );
}

/** The largest difference of two scores, and whether the sets differ only in keys that are that close to epsilon. */
function compare(result: Found | Superset, first: Found, { epsilon, distribution }: Case): Check {
  if ('superset' in result) {
    const kept = new Set(result.superset);
    const lost = first.indices.filter((j) => !kept.has(j)).length;
    return { same: lost === 0, text: `${kept.size} keys, ${lost} of ${first.indices.length} lost` };
  }
  const { scores, indices, precision } = result;
  const allowed = distribution === 'condition number 1e6' ? illConditioned : tolerance;
  let error = scores.length === first.scores.length ? 0 : Number.POSITIVE_INFINITY;
  for (let j = 0; j < scores.length; j++) {
    const difference = Math.abs(scores[j] - first.scores[j]);
    if (!(difference <= error)) error = difference;
  }
  const [ours, theirs] = [new Set(first.indices), new Set(indices)];
  const lone = [...ours, ...theirs].filter((j) => ours.has(j) !== theirs.has(j));
  const explained = lone.every((j) => Math.abs(first.scores[j] - epsilon) <= error);
  return {
    same: error <= allowed[precision] && explained,
    text: `${lone.length === 0 ? `same ${indices.length} keys` : `sets differ in ${lone.length} at epsilon`}, scores within ${error.toExponential(0)}`,
  };
}
