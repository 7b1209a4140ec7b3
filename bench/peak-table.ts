/** Peaks of memory as the rows of a table, each measured in a process of its own. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Figure, Row, Table } from './results.js';

/** Bytes, or why there is no figure. */
export type Peak = number | string;

/** A contestant's peaks, by what was computed. */
export type Measured = readonly [name: string, peaks: Readonly<Record<string, Peak>>];

/** A computation that takes longer is ended. */
const LONGEST_MS = 60_000;

const probe = fileURLToPath(new URL('memory-probe.ts', import.meta.url));

/** What memory-probe.ts prints, which runs in the same way as this file. */
export function peakOf(parameters: readonly string[]): Peak {
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [...process.execArgv, probe, ...parameters],
    { encoding: 'utf8', timeout: LONGEST_MS },
  );
  if (status === 0) return Number(stdout);
  if (error && 'code' in error && error.code === 'ETIMEDOUT')
    return `takes longer than ${LONGEST_MS / 1000} s`;
  return `failed: ${stderr.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? `exit ${status}`}`;
}

/** Their ratios are to the first row. */
export function peakTable(title: string, measured: readonly Measured[]): Table {
  const first = measured[0][1];
  const rows = measured.map(([contestant, peaks]): Row => {
    const figures: Record<string, Figure> = {};
    const absences: string[] = [];
    for (const [name, peak] of Object.entries(peaks)) {
      if (typeof peak === 'string') {
        absences.push(peak);
        continue;
      }
      const mebibytes = peak / 2 ** 20;
      const least = first[name];
      const ratio = typeof least === 'number' ? peak / least : Number.NaN;
      figures[name] = { median: mebibytes, min: mebibytes, runs: 1, ratio };
    }
    const absent = absences.length > 0 ? [...new Set(absences)].join('; ') : undefined;
    return { contestant, threads: 1, figures, absent };
  });
  return { title, unit: 'MiB', rows };
}
