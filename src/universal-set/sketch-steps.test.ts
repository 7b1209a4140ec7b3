/** Insertions and results in steps: others may run in between, and what is left off does no harm. */
import { describe, expect, test } from 'vitest';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { run, type Steps } from '../steps.js';
import { huber } from '../weights/huber.js';
import { power } from '../weights/power.js';
import { UniversalSetSketch } from './sketch.js';

// Rows that only whole numbers tell from a plane, for x^4.
const { data, n, d } = nearPlane(seeded(3), 3000, 30);
const keys = (start: number, end: number) =>
  ({ data: data.subarray(start * d, end * d), shape: [end - start, d] }) as const;
const options = { d, epsilon: 0.1, f: power(4) };

/** The phases of steps, in order, to the end or up to the first one that is wanted. */
function phasesOf(steps: Steps<unknown>, wanted?: string): string[] {
  const phases: string[] = [];
  for (const { phase } of steps) {
    if (phases.at(-1) !== phase) phases.push(phase);
    if (phase === wanted) break;
  }
  return phases;
}

test('whole numbers take many steps, of insertions and of results', () => {
  const sketch = new UniversalSetSketch(options);
  expect(phasesOf(sketch.insertSteps(keys(0, n)))).toEqual(
    expect.arrayContaining(['rows', 'exact gram', 'exact scores']),
  );
  const steps = [...sketch.finishSteps()].filter(({ phase }) => phase.startsWith('exact'));
  expect(steps.length).toBeGreaterThan(20);
  for (const { done, total } of steps) expect(done).toBeLessThanOrEqual(total);
});

describe.each([
  ['x^2', power(2)],
  ['x^4', power(4)],
  ['huber', huber(1)],
])('%s', (_, f) => {
  const whole = new UniversalSetSketch({ ...options, f });
  whole.insert(keys(0, n));

  test('an insertion that is left off, at any phase, goes on with the rows that are missing', () => {
    const phases = new Set(phasesOf(new UniversalSetSketch({ ...options, f }).insertSteps(keys(0, n))));
    for (const phase of phases)
      for (const renew of [false, true]) {
        let sketch = new UniversalSetSketch({ ...options, f });
        phasesOf(sketch.insertSteps(keys(0, n)), phase);
        expect(sketch.rows).toBeGreaterThan(0);
        expect(sketch.rows).toBeLessThan(n);
        if (renew) sketch = UniversalSetSketch.fromBytes(sketch.toBytes());
        sketch.insert(keys(sketch.rows, n));
        expect(Buffer.compare(sketch.toBytes(), whole.toBytes())).toBe(0);
      }
  });

  test('a result that is left off, at any phase, changes nothing', () => {
    const before = whole.toBytes();
    for (const phase of new Set(phasesOf(whole.finishSteps()))) phasesOf(whole.finishSteps(), phase);
    expect(Buffer.compare(whole.toBytes(), before)).toBe(0);
    expect(run(whole.finishSteps())).toEqual(whole.finish());
  });
});

test('a second pass in steps gives the rows of one', () => {
  const sketch = new UniversalSetSketch({ ...options, f: power(2) });
  sketch.insert(keys(0, n));
  phasesOf(sketch.filterSteps(keys(0, n)), 'gram');
  const again = UniversalSetSketch.fromBytes(sketch.toBytes());
  expect(run(sketch.filterSteps(keys(0, n)))).toEqual(again.filter(keys(0, n)));
});
