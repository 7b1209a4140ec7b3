/** What does the exact set of one pass over a stream cost above the Gram that it needs in any case? */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { matrixOver } from '../src/keys.js';
import { gramOf } from '../src/scores/gram.js';
import { run as runSteps } from '../src/steps.js';
import { draw } from './inputs.js';
import { library } from './library.js';
import { type Contestant, race, timed } from './measure.js';
import { bare, type Shown } from './own-sets.js';
import { startPeer } from './peers/process.js';
import { pythonContestant, type Way } from './peers/python-sets.js';
import type { Setting } from './peers/setup.js';
import { type Answer, ratioOf, rowsOf, type Table, type Target } from './results.js';

/** Rows that come and their threshold; d = 64. */
interface Case {
  readonly distribution: 'Gaussian' | 't3' | 'sorted by norm';
  readonly n: number;
  readonly epsilon: number;
}

const cases: readonly Case[] = [
  { distribution: 'Gaussian', n: 100_000, epsilon: 0.05 },
  { distribution: 'Gaussian', n: 1_000_000, epsilon: 0.01 },
  { distribution: 't3', n: 1_000_000, epsilon: 0.01 },
  { distribution: 'sorted by norm', n: 1_000_000, epsilon: 0.01 },
];
const quickCases: readonly Case[] = [{ distribution: 't3', n: 20_000, epsilon: 0.05 }];

const d = 64;
/** Rows of a part of the stream. */
const PART_ROWS = 10_000;
const wanted = 1.4;

const names = {
  gram: 'levattention, the Gram alone',
  whole: 'levattention, stream in one part',
  parts: 'levattention, stream in parts',
} as const;

const numpyGram: Way = {
  name: 'numpy float64',
  keys: 'float32',
  forms: ['the Gram alone'],
  precision: 'float64',
  bytes: 0,
};

export async function stream(setting: Setting): Promise<Answer> {
  const { quick, say, asked } = setting;
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const example of quick ? quickCases : cases) {
    const { distribution, n, epsilon } = example;
    const title = `stream of ${distribution} keys, ${n.toLocaleString('en')} x ${d}, epsilon ${epsilon}`;
    if (!asked(title)) continue;
    say(title);
    const table = await tableOf(title, example, setting);
    tables.push(table);
    for (const contestant of [names.whole, names.parts])
      targets.push({
        text: `${contestant.replace('levattention, ', '')}: ${title.replace('stream of ', '')}, against the Gram alone`,
        bound: 'at most',
        wanted,
        ratio: ratioOf(table, 'time', { contestant, threads: 1 }, { contestant: names.gram, threads: 1 }),
      });
  }
  return {
    question: 'The exact set in one pass over a stream',
    about: `\`insert\` and \`finish\` of a \`UniversalSetSketch\` for x^2, all rows at once or in parts of ${PART_ROWS.toLocaleString('en')}, against the float64 Gram of the same rows by the same kernels, which such a pass needs in any case. numpy's Gram is taken in blocks of 2048 rows that stay in the cache.`,
    tables,
    targets,
  };
}

async function tableOf(title: string, example: Case, { python, folder, quick }: Setting): Promise<Table> {
  const { distribution, n, epsilon } = example;
  const keys = draw(distribution, n, d, n);
  const path = join(folder, 'keys.f32');
  await writeFile(path, keys);
  const numpy = 'python' in python ? startPeer(python.python, 'numpy_peer.py', 1) : python.absent;
  if (typeof numpy === 'object') await numpy.call('load', { path, d });
  const contestants: Contestant<Shown>[] = [
    gramAlone(keys),
    streamed(names.whole, keys, epsilon, n),
    streamed(names.parts, keys, epsilon, PART_ROWS),
    pythonContestant(numpy, 1, numpyGram, { n, d, epsilon }, join(folder, 'scores.f64')),
  ];
  const timings = await race(contestants, { seconds: quick ? 0.5 : 4, rounds: 15, warmUp: true });
  if (typeof numpy === 'object') numpy.close();
  const { indices } = bare(library.universalSet({ data: keys, shape: [n, d] }, { epsilon, exact: true }));
  const streams: readonly string[] = [names.whole, names.parts];
  const rows = rowsOf(contestants, timings, ({ result }, i) => {
    if (!(result && 'superset' in result && streams.includes(contestants[i].name))) return undefined;
    const same = result.superset.join() === indices.join();
    return { same, text: same ? `same ${indices.length} keys` : 'another set' };
  });
  return { title, unit: 'ms', rows };
}

function gramAlone(data: Float32Array): Contestant<Shown> {
  const matrix = matrixOver(data, data.length / d, d);
  return timedContestant(names.gram, () => {
    runSteps(gramOf(matrix, { d }));
    return undefined;
  });
}

function streamed(name: string, data: Float32Array, epsilon: number, rows: number): Contestant<Shown> {
  return timedContestant(name, () => {
    const sketch = new library.UniversalSetSketch({ d, epsilon });
    for (let start = 0; start < data.length; start += rows * d) {
      const part = data.subarray(start, start + rows * d);
      sketch.insert({ data: part, shape: [part.length / d, d] });
    }
    return { superset: sketch.finish().indices };
  });
}

function timedContestant(name: string, work: () => Shown): Contestant<Shown> {
  const run = async () => {
    const { milliseconds, value } = await timed(work);
    return { laps: { time: milliseconds }, result: () => value };
  };
  return { name, threads: 1, prepare: async () => ({ run }) };
}
