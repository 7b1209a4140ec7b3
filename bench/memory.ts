/** How much memory does each way need beside its input, at most? Every one runs in a process of its own. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { caseTitle } from './attention-data.js';
import { attentionMemory } from './attention-memory.js';
import { draw } from './inputs.js';
import { type Measured, peakOf, peakTable } from './peak-table.js';
import { startPeer } from './peers/process.js';
import { numpyWays } from './peers/python-sets.js';
import type { Setting } from './peers/setup.js';
import type { Answer, Table } from './results.js';

const columns = 64;
const epsilon = 0.01;

export async function memory(setting: Setting): Promise<Answer> {
  const n = setting.quick ? 100_000 : 1_000_000;
  const set = `set, Gaussian keys, ${n.toLocaleString('en')} x ${columns}, epsilon ${epsilon}`;
  const tables: Table[] = [];
  if (setting.asked(set)) tables.push(await setTable(set, n, setting));
  for (const positions of setting.quick ? [4096] : [4096, 16_384]) {
    const each = { heads: 1, n: positions, d: columns };
    const title = `attention, ${caseTitle(each)}`;
    if (setting.asked(title)) tables.push(await attentionMemory(title, each, setting));
  }
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
  const own = peakOf(['universalSet', String(n), String(columns), path]);
  const rows: Measured[] = [['levattention', { peak: own }]];
  for (const { name, keys, forms } of Object.values(numpyWays)) {
    const label = `${name}: ${forms[0]}`;
    if (!('python' in python)) {
      rows.push([label, { peak: python.absent }]);
      continue;
    }
    const numpy = startPeer(python.python, 'numpy_peer.py', 1);
    try {
      await numpy.call('load', { path, d: columns });
      // The first run loads what the library loads once, and converts where that comes before the clock.
      await numpy.call('run', { form: forms[0], keys, epsilon });
      const { bytes } = await numpy.call<{ bytes: number }>('peak', { form: forms[0], keys, epsilon });
      rows.push([label, { peak: bytes }]);
    } catch (error) {
      rows.push([label, { peak: `failed: ${(error as Error).message}` }]);
    }
    numpy.close();
  }
  return peakTable(title, rows);
}
