/** How much memory does each way need beside its input, at most? Every one runs in a process of its own. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { draw } from './inputs.js';
import { attentionGraphs } from './peers/onnx-graph.js';
import { packageVersion } from './peers/packages.js';
import { startPeer } from './peers/process.js';
import { numpyWays } from './peers/python-sets.js';
import type { Setting } from './peers/setup.js';
import type { Answer, Row, Table } from './results.js';

const probe = fileURLToPath(new URL('memory-probe.ts', import.meta.url));
const columns = 64;
const epsilon = 0.01;

export async function memory(setting: Setting): Promise<Answer> {
  const n = setting.quick ? 100_000 : 1_000_000;
  const positions = setting.quick ? 4096 : 16_384;
  const set = `set, Gaussian keys, ${n.toLocaleString('en')} x ${columns}, epsilon ${epsilon}`;
  const attention = `attention, n = ${positions.toLocaleString('en')}, d = ${columns}, 1 head`;
  const tables: Table[] = [];
  if (setting.asked(set)) tables.push(await setTable(set, n, setting));
  if (setting.asked(attention)) tables.push(attentionTable(attention, positions, setting));
  return {
    question: 'Peak memory',
    about:
      'Highest resident memory of one run less that before it, with the input in memory: what is needed beside it, results included (Linux).',
    tables,
    targets: [],
  };
}

async function setTable(title: string, n: number, { folder, python, say }: Setting): Promise<Table> {
  say(title);
  const path = join(folder, 'keys.f32');
  await writeFile(path, draw('Gaussian', n, columns, 1));
  const rows: Measured[] = [['levattention', ownPeak('universalSet', n, path)]];
  for (const { name, keys, forms } of Object.values(numpyWays)) {
    const label = `${name}: ${forms[0]}`;
    if (!('python' in python)) {
      rows.push([label, python.absent]);
      continue;
    }
    const numpy = startPeer(python.python, 'numpy_peer.py', 1);
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

function attentionTable(title: string, n: number, { packages, say }: Setting): Table {
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
    const figure = { median: mebibytes, min: mebibytes, runs: 1, ratio };
    return { contestant, threads: 1, figures: { peak: figure } };
  });
  return { title, unit: 'MiB', rows };
}
