/** A hundred million rows, or as many as are asked for, through `levattention find -`: `npm run soak -- [ROWS]`. */
import { ProgressLine } from '../src/cli/progress.js';
import { seconds, thousands } from '../src/cli/text.js';
import { LEAST_ROWS } from './planted.js';
import { MOST_BYTES, megabytes, soak } from './soaking.js';

const rows = Number(process.argv[2] ?? 1e8);
if (!(Number.isSafeInteger(rows) && rows >= LEAST_ROWS)) {
  console.error(`soak: ROWS must be a whole number of at least ${LEAST_ROWS}, got '${process.argv[2]}'`);
  process.exit(2);
}
const progress = new ProgressLine(process.stderr);
const soaked = await soak(rows, (done) => progress.report({ phase: 'rows', done, total: rows }));
progress.clear();
const { faults, peak } = soaked;
console.log(
  [
    `${thousands(rows)} rows in ${seconds(soaked.seconds)}: ${thousands(Math.round(rows / soaked.seconds))} rows/s`,
    `memory: ${megabytes(peak)} at most, of ${megabytes(MOST_BYTES)} allowed`,
    ...faults.map((fault) => `fault: ${fault}`),
    faults.length === 0 ? 'passed: every planted row was found, and no other' : 'failed',
  ].join('\n'),
);
process.exitCode = faults.length > 0 ? 1 : 0;
