/**
 * One computation in a fresh process: prints the bytes that it needed beside its input. Arguments: name, n, d, and a file of keys or a pass;
 * or `training`, batch, side and the name of who trains.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { attentionData, passes } from './attention-data.js';
import { attentionWays } from './attention-memory.js';
import { library } from './library.js';
import type { Contestant } from './measure.js';
import { forgetPeak, residentMemory } from './resident.js';
import { type TrainingCase, trainingData } from './training-data.js';
import { tinyTraining, trainingWays } from './training-memory.js';

const [name, rows, columns, detail] = process.argv.slice(2);
const n = Number(rows);
const d = Number(columns);

/** The computation, with its input in memory. */
async function prepare(): Promise<() => unknown> {
  if (name === 'universalSet') {
    const bytes = readFileSync(detail);
    const keys = { data: new Float32Array(bytes.buffer, bytes.byteOffset, n * d), shape: [n, d] };
    return () => library.universalSet(keys, { epsilon: 0.01 });
  }
  const pass = passes.find((pass) => pass === detail)!;
  if (name === 'training') {
    const wayOf = (each: TrainingCase) =>
      trainingWays(trainingData(each)).find((way) => way.name === detail)!;
    const step = async (way: Contestant<unknown>) => (await way.prepare()).run();
    await step(wayOf(tinyTraining));
    const way = wayOf({ side: d, batch: n });
    return () => step(way);
  }
  const ways = attentionWays(attentionData({ heads: 1, n, d }), pass);
  return (await ways.find((way) => way.name === name)!.prepare()).run;
}

/** What drawing the input left behind would be given back while the computation runs, and hide what that needs. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  // Its pages are given back in the background.
  await sleep(200);
}

const run = await prepare();
await collectGarbage();
forgetPeak();
const before = residentMemory('VmRSS');
await run();
process.stdout.write(String(residentMemory('VmHWM') - before));
// An engine may keep the process alive.
process.exit();
