/** A checkpoint of an insertion that is interrupted in the midst of a piece. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { writeNpy } from '../io/index.js';
import type { Progress } from '../steps.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import { power } from '../weights/power.js';
import { sketchWithCheckpoint } from './checkpoint.js';
import { Interrupted } from './failure.js';
import { openRows } from './row-source.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'levattention-checkpoint-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([
  'exact scores',
  'rows',
])('interrupted while it reports %s: it goes on from the rows that are in', async (phase) => {
  const { data, n, d } = nearPlane(seeded(3), 3000, 30);
  const [path, checkpoint] = [join(folder, 'keys.npy'), join(folder, 'keys.lev')];
  writeFileSync(path, writeNpy({ data, shape: [n, d] }));
  const sketched = async (onProgress: (step: Progress) => void, signal?: AbortSignal) => {
    const empty = new UniversalSetSketch({ d, epsilon: 0.1, f: power(4) });
    const source = await openRows(path, {});
    return sketchWithCheckpoint(empty, source, { path: checkpoint, interval: 2000 }, { signal, onProgress });
  };
  const interrupt = new AbortController();
  const seen: Progress[] = [];
  const first = sketched((step) => {
    seen.push(step);
    if (step.phase === phase && step.done > 0) interrupt.abort();
  }, interrupt.signal);
  await expect(first).rejects.toThrow(Interrupted);
  for (const step of seen) if (step.phase === 'rows') expect(step.total).toBe(n);
  const { sketch, resumed } = await sketched(() => {});
  expect(resumed).toBeGreaterThan(0);
  expect(resumed).toBeLessThan(2000);
  const whole = new UniversalSetSketch({ d, epsilon: 0.1, f: power(4) });
  whole.insert({ data, shape: [n, d] });
  expect(Buffer.compare(sketch.toBytes(), whole.toBytes())).toBe(0);
});
