/** How much memory does each way need beside its input, at most? Every one runs in a process of its own. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { draw } from './inputs.js';
import { numpyWays, startNumpy } from './peers/numpy.js';
import { attentionGraphs } from './peers/onnx-graph.js';
import { packageVersion } from './peers/packages.js';
import type { Setting } from './peers/setup.js';
import type { Answer, Row, Table } from './results.js';

const probe = fileURLToPath(new URL('memory-probe.ts', import.meta.url));
const columns = 64;

export async function memory(setting: Setting): Promise<Answer> {
  const tables = [
    await setTable(setting.quick ? 100_000 : 1_000_000, 0.01, setting),
    attentionTable(setting.quick ? 4096 : 16_384, setting),
  ];
  return {
    question: 'Peak memory',
    about:
      'Highest resident memory of one run less that before it, with the input in memory: what is needed beside it, results included (Linux).',
    tables,
    targets: [],
  };
}

async function setTable(n: number, epsilon: number, { folder, python, say }: Setting): Promise<Table> {
  const title = `exact set, Gaussian keys, ${n.toLocaleString('en')} x ${columns}, epsilon ${epsilon}`;
  say(title);
  const path = join(folder, 'keys.f32');
  await writeFile(path, draw('Gaussian', n, columns, 1));
  const rows: Measured[] = [['levattention', ownPeak('universalSet', n, path)]];
  for (const { name, keys, forms } of numpyWays) {
    const label = `${name}: ${forms[0]}`;
    if (!('python' in python)) {
      rows.push([label, python.absent]);
      continue;
    }
    const numpy = startNumpy(python.python, 1);
    try {
      await numpy.call('load', { path, d: columns });
      // The first run loads what the library loads once, and converts where that comes before the clock.
      await numpy.call('run', { form: forms[0], keys, epsilon });
      const { bytes } = await numpy.call<{ bytes: number }>('peak', { form: forms[0], keys, epsilon });
      rows.push([label, bytes]);
    } catch (error) {
      rows.push([label, `failed: ${(error as Error).message}`]);
    }
    numpy.close();
  }
  return tableOf(title, rows);
}

function attentionTable(n: number, { packages, say }: Setting): Table {
  const title = `attention, n = ${n.toLocaleString('en')}, d = ${columns}, 1 head`;
  say(title);
  const absent = packageVersion('onnxruntime-node') === undefined ? (packages ?? 'not installed') : undefined;
  return tableOf(title, [
    ['levattention, 128 keys', ownPeak('levAttention', n)],
    ['levattention, exact', ownPeak('exactAttention', n)],
    ...attentionGraphs.map(
      ({ name }): Measured => [`onnxruntime, exact: ${name}`, absent ?? ownPeak(name, n)],
    ),
  ]);
}

/** Bytes, or why there is no figure. */
type Measured = readonly [name: string, peak: number | string];

/** Runs memory-probe.ts in the same way as this file runs. */
function ownPeak(task: string, n: number, path = ''): number | string {
  const args = [...process.execArgv, probe, task, String(n), String(columns), path];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status === 0) return Number(stdout);
  return `failed: ${stderr.split('\n').find((line) => /Error/.test(line)) ?? `exit ${status}`}`;
}

function tableOf(title: string, measured: readonly Measured[]): Table {
  const first = measured[0][1];
  const rows = measured.map(([contestant, peak]): Row => {
    if (typeof peak === 'string') return { contestant, threads: 1, absent: peak, figures: {} };
    const mebibytes = peak / 2 ** 20;
    const ratio = typeof first === 'number' ? peak / first : Number.NaN;
    const figure = { median: mebibytes, min: mebibytes, runs: 1, ratio, leastRatio: ratio };
    return { contestant, threads: 1, figures: { peak: figure } };
  });
  return { title, unit: 'MiB', rows };
}
