/** How do time and memory of one pass grow with the rows? `npm run growth -- [--quick]` writes GROWTH.md and docs/growth.svg. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { light, standAlone } from '../src/cli/report/palette.js';
import { seconds, thousands } from '../src/cli/text.js';
import { growthChart } from './growth-chart.js';
import type { Probed } from './growth-probe.js';
import { machineAlone, machineText } from './machine.js';
import { median } from './measure.js';
import { gridText } from './results.js';

const D = 32;
const EPSILON = 0.01;

/** How many processes measure a number of rows: more where it takes little. */
const cases = [
  { rows: 1e5, runs: 9 },
  { rows: 3e5, runs: 9 },
  { rows: 1e6, runs: 9 },
  { rows: 3e6, runs: 5 },
  { rows: 1e7, runs: 5 },
  { rows: 3e7, runs: 3 },
  { rows: 1e8, runs: 3 },
];

/** What must hold: time grows by this power of the rows at most, and memory from some number of rows on by this share. */
const MOST_EXPONENT = 1.03;
const MOST_RISE = 0.1;

/** The figures of a number of rows. */
export interface Size {
  readonly rows: number;
  readonly runs: readonly Probed[];
  /** Least milliseconds of the processor, and most bytes, of the runs. */
  readonly milliseconds: number;
  readonly peak: number;
}

/** Runs growth-probe.ts in the same way as this file runs. */
function probed(rows: number): Probed {
  const probe = fileURLToPath(new URL('growth-probe.ts', import.meta.url));
  const args = [...process.execArgv, probe, String(rows), String(D), String(EPSILON)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`growth: ${rows} rows: ${stderr.trim() || `ended with ${status}`}`);
  return JSON.parse(stdout);
}

/** In rounds over all sizes, so that a slow minute of the machine hits none alone. */
function measured(asked: typeof cases): Size[] {
  const runs: Probed[][] = asked.map(() => []);
  const rounds = Math.max(...asked.map((each) => each.runs));
  for (let round = 0; round < rounds; round++)
    asked.forEach((each, i) => {
      if (round >= each.runs) return;
      runs[i].push(probed(each.rows));
      console.error(`${thousands(each.rows)} rows: ${seconds(runs[i][round].elapsed / 1000)}`);
    });
  return asked.map(({ rows }, i) => ({
    rows,
    runs: runs[i],
    milliseconds: Math.min(...runs[i].map(({ processor }) => processor)),
    peak: Math.max(...runs[i].map(({ peak }) => peak)),
  }));
}

/** How time grows over all sizes, and over the last tenfold. */
function exponents(sizes: readonly Size[]): [number, number] {
  const { rows: most } = sizes[sizes.length - 1];
  return [exponent(sizes), exponent(sizes.filter(({ rows }) => rows >= most / 10))];
}

/** b of the least squares fit log time = a + b log rows. */
function exponent(sizes: readonly Size[]): number {
  const x = sizes.map(({ rows }) => Math.log(rows));
  const y = sizes.map(({ milliseconds }) => Math.log(milliseconds));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value) / values.length;
  const [meanX, meanY] = [mean(x), mean(y)];
  const products = x.reduce((sum, value, i) => sum + (value - meanX) * (y[i] - meanY), 0);
  return products / x.reduce((sum, value) => sum + (value - meanX) ** 2, 0);
}

/** The peaks of memory from the first size on after which the largest is at most a tenth above the least. */
function flatPart(sizes: readonly Size[]): { from: number; rise: number } {
  const rises = sizes.map((_, i) => {
    const peaks = sizes.slice(i).map(({ peak }) => peak);
    return Math.max(...peaks) / Math.min(...peaks) - 1;
  });
  const first = rises.findIndex((rise) => rise <= MOST_RISE);
  return { from: sizes[first].rows, rise: rises[first] };
}

function tableOf(sizes: readonly Size[]): string {
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
  return gridText(
    [
      ...['rows', 'runs', 'processor: least, s', 'median, s', 'ns a row', 'by the clock: least, s'],
      ...['making rows, s', 'memory: peak, MiB', 'before, MiB'],
    ],
    sizes.map(({ rows, runs, milliseconds, peak }) => [
      thousands(rows),
      String(runs.length),
      (milliseconds / 1000).toFixed(3),
      (median(runs.map(({ processor }) => processor)) / 1000).toFixed(3),
      ((milliseconds / rows) * 1e6).toFixed(0),
      (Math.min(...runs.map(({ elapsed }) => elapsed)) / 1000).toFixed(3),
      (Math.min(...runs.map(({ making }) => making)) / 1000).toFixed(4),
      mebibytes(peak),
      mebibytes(Math.max(...runs.map(({ before }) => before))),
    ]),
  );
}

function textOf(sizes: readonly Size[], command: string, load: number): string {
  const [power, late] = exponents(sizes);
  const { from, rise } = flatPart(sizes);
  const most = sizes[sizes.length - 1].rows;
  const verdict = (met: boolean) => (met ? 'met' : 'not met');
  return `# Growth

${machineText(machineAlone(command))}
- load average when it began: ${load.toFixed(1)}

One pass of \`UniversalSetSketch\` over n rows of ${D} float32 numbers, epsilon ${EPSILON}, one thread: Gaussian rows that are made as they are read,
with a few planted ones among them, and each set was exactly these. Each run is a process of its own, warmed up with 200,000 rows. Time is the
processor's, of all threads of the process, so that what others do on the machine matters little; that of making the rows, part of the pass,
was measured apart too. Memory is that of the whole process, Node included, at its highest, the highest of the runs; \`before\`
is what it held when the first row came.

![Time and memory of one pass against the number of rows](../docs/growth.svg)

${tableOf(sizes)}

- Time grows as n^${power.toFixed(3)} over all sizes and n^${late.toFixed(3)} over the last tenfold, by least squares over the logarithms of the least times: at most
  n^${MOST_EXPONENT} was wanted, ${verdict(Math.max(power, late) <= MOST_EXPONENT)}. A row costs more while few have come, as more of them may then still be heavy.
- From ${thousands(from)} to ${thousands(most)} rows the highest peak of memory is ${(100 * rise).toFixed(1)} % above the lowest: at most
  ${100 * MOST_RISE} % was wanted, ${verdict(from < most)}.
`;
}

const flags = process.argv.slice(2);
const unknown = flags.find((flag) => flag !== '--quick');
if (unknown !== undefined) {
  console.error(`growth: unknown argument '${unknown}'; known: --quick`);
  process.exit(2);
}
const quick = flags.length > 0;
const [load] = loadavg();
const sizes = measured(quick ? cases.filter(({ rows }) => rows <= 1e6) : cases);
const text = textOf(sizes, `npm run growth${quick ? ' -- --quick' : ''}`, load);
console.log(text);
const faults = sizes.flatMap(({ rows, runs }) =>
  runs.flatMap((run) => run.faults.map((fault) => `${rows} rows: ${fault}`)),
);
for (const fault of faults) console.error(`growth: ${fault}`);
process.exitCode = faults.length > 0 ? 1 : 0;
if (!quick && faults.length === 0) {
  const svg = standAlone(await growthChart(sizes, exponents(sizes)), light);
  writeFileSync(new URL('GROWTH.md', import.meta.url), text);
  writeFileSync(new URL('../docs/growth.svg', import.meta.url), svg);
  console.error('written to bench/GROWTH.md and docs/growth.svg');
}
