/** One pass over planted rows in a fresh process: prints its time and memory as JSON (arguments: n, d, epsilon). */
import { library } from './library.js';
import { timed } from './measure.js';
import { plantedRows } from './planted.js';
import { residentMemory } from './resident.js';
import { faultsOf } from './soaking.js';

/** What one process measured. */
export interface Probed {
  /** Milliseconds by the clock of the pass and its set. */
  readonly elapsed: number;
  /** The processor's, of all threads of the process: what others do on the machine adds little to it. */
  readonly processor: number;
  /** Those by the clock of making the rows, which is part of the pass. */
  readonly making: number;
  /** Resident memory when the first row came, and the most of all, in bytes. */
  readonly before: number;
  readonly peak: number;
  /** What is wrong with the set. */
  readonly faults: readonly string[];
}

/** Rows of the pass that is not measured, for the engine to compile what it runs. */
const WARM_UP = 200_000;

const [n, d, epsilon] = process.argv.slice(2).map(Number);

function onePass(rows: number) {
  const sketch = new library.UniversalSetSketch({ d, epsilon });
  const { heavy, pieces } = plantedRows(rows, d, epsilon);
  const pass = () => {
    for (const data of pieces()) sketch.insert({ data, shape: [data.length / d, d] });
    return sketch.finish();
  };
  return { heavy, pieces, pass };
}

onePass(WARM_UP).pass();
const { heavy, pieces, pass } = onePass(n);
const before = residentMemory('VmRSS');
const start = process.cpuUsage();
const { milliseconds: elapsed, value } = await timed(pass);
const { user, system } = process.cpuUsage(start);
const { milliseconds: making } = await timed(() => {
  for (const _ of pieces());
});
const probed: Probed = {
  elapsed,
  processor: (user + system) / 1000,
  making,
  before,
  peak: residentMemory('VmHWM'),
  faults: faultsOf(value, n, heavy),
};
process.stdout.write(JSON.stringify(probed));
