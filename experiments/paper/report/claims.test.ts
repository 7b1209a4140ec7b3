/** What the report concludes from results that are made up: each verdict with results for it and against it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { experimentsOf } from '../experiments.js';
import { Place } from '../place.js';
import type { Run } from '../run.js';
import { smoke } from '../settings.js';
import type { Stability } from '../stability.js';
import { CHOICES, choiceName } from '../structure.js';
import { Results, type Section } from './section.js';
import { stabilitySection } from './stability.js';
import { structureSection } from './structure.js';
import { swapSection } from './swap.js';
import { longSection, trainingSection } from './training.js';

const folder = mkdtempSync(join(tmpdir(), 'levattention-claims-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const runs = experimentsOf(smoke).flatMap((each) => each.runs);

/** Results of all runs that `made` gives one for. */
function resultsOf(made: (run: Run) => object | undefined): Results {
  const results = mkdtempSync(join(folder, 'results-'));
  mkdirSync(results, { recursive: true });
  for (const run of runs) {
    const result = made(run);
    if (!result) continue;
    const kept = { name: run.name, config: run.config, result, seconds: 1 };
    writeFileSync(join(results, `${run.name}.json`), JSON.stringify(kept));
  }
  return new Results(runs, new Place(results, results, 0));
}

const verdicts = ({ claims }: Section) => claims.map(({ holds }) => holds);

/** Training and swapping with these accuracies; seeds differ by a hundredth. */
function accuracies(trained: Record<string, number>, swapped: Record<string, number>): Results {
  return resultsOf(({ name }) => {
    const seed = Number(/seed(\d)/.exec(name)?.[1] ?? 0);
    const of = (values: Record<string, number>) => {
      const found = Object.keys(values).find((key) => name.includes(key));
      return found === undefined ? undefined : values[found] + seed / 100;
    };
    if (/^(training|long)/.test(name)) {
      const accuracy = of(trained);
      return accuracy === undefined ? undefined : { accuracy, loss: 1, images: 9, history: [] };
    }
    if (!name.startsWith('swap')) return undefined;
    const tails = name.endsWith('-clusters') ? ['clusters'] : ['drop', 'mean'];
    const cells = tails.flatMap((tail) =>
      smoke.keys.map((keys) => ({ tail, keys, accuracy: of(swapped) ?? 0.1 })),
    );
    return { images: 9, softmax: 0.9, cells };
  });
}

describe('structure', () => {
  /** One head whose universal set holds `inSet` of 4 keys of large softmax scores. */
  const looked = (inSet: number, squares: number, squaresOutside: number) =>
    resultsOf(({ name }) => {
      if (!name.startsWith('structure')) return undefined;
      const large = [{ epsilon: 0.1, scores: 9, keys: 4, inSet, set: 5, squares, squaresOutside }];
      const losses = CHOICES.flatMap((choice) =>
        smoke.keys.map((keys) => ({ choice: choiceName(choice), keys, error: 0.5, mass: 0.5 })),
      );
      return { images: 1, tokens: 17, heads: [{ layer: 0, head: 0, spread: 9, losses, large }] };
    });
  it.each([
    ['holds all', looked(3, 7, 0), [true, true]],
    ['lacks some, and fewer keys than chance would give it', looked(1, 7, 1), [false, false]],
    ['is not tried by any large score of |x|^2', looked(3, 0, 0), [undefined, true]],
  ])('has a set that %s', async (_, results, expected) => {
    expect(verdicts(await structureSection(smoke, results))).toEqual(expected);
  });
});

describe('training', () => {
  const held = { softmax: 0.9, leverage8: 0.88, norm8: 0.85, random8: 0.8, clusters4: 0.7, leverage4: 0.6 };
  it('does not say which choice is better of one seed', async () => {
    const first = { softmax: 0.9, 'leverage8-17-seed0': 0.88, 'norm8-17-seed0': 0.85 };
    const [{ evidence }] = (await trainingSection(smoke, accuracies(first, {}))).claims;
    expect(evidence).toContain('leverage less squared-norm is 3.00 points, of too few seeds to tell.');
    expect(evidence).not.toContain('better');
  });

  it('keeps over 90 % of softmax, or does not', async () => {
    const [kept, clusters] = (await trainingSection(smoke, accuracies(held, {}))).claims;
    expect([kept.holds, clusters.holds]).toEqual([true, true]);
    expect(kept.evidence).toContain('leverage is better than random (by 8.00');
    const lost = accuracies({ ...held, leverage8: 0.8, random8: 0.8, clusters4: 0.5 }, {});
    const against = (await trainingSection(smoke, lost)).claims;
    expect(against.map(({ holds }) => holds)).toEqual([false, false]);
    expect(against[0].evidence).toContain('leverage is no better or worse than random');
  });

  it('is open while runs are missing', async () => {
    const { leverage8: _, ...rest } = held;
    expect((await trainingSection(smoke, accuracies(rest, {}))).claims[0].holds).toBeUndefined();
  });

  it('reaches 86 % for longer, or does not', () => {
    expect(verdicts(longSection(smoke, accuracies(held, {})))).toEqual([true]);
    expect(verdicts(longSection(smoke, accuracies({ ...held, leverage8: 0.85 }, {})))).toEqual([false]);
    expect(verdicts(longSection(smoke, accuracies({ softmax: 0.9 }, {})))).toEqual([undefined]);
  });
});

describe('swapping', () => {
  const trained = { softmax: 0.9, leverage8: 0.88 };
  it('loses what training recovers, and leverage beats norms, or not', async () => {
    const swapped = { '-leverage': 0.5, 'squared-norm': 0.3, '-random': 0.6, 'long-softmax-clusters': 0.8 };
    const section = await swapSection(smoke, accuracies(trained, swapped));
    expect(verdicts(section)).toEqual([true, true, true]);
    expect(section.claims[1].evidence).toContain('+20.0 ± 0.0 at 4');
    expect(section.claims[1].evidence).toContain('Leverage less random keys: -10.0 ± 0.0 at 4');
    const other = { ...swapped, 'squared-norm': 0.5, 'long-softmax-clusters': 0.2 };
    const worse = { softmax: 0.9, leverage8: 0.6 };
    expect(verdicts(await swapSection(smoke, accuracies(worse, other)))).toEqual([false, false, false]);
  });
});

it('calls stable what shares over half of its keys with the final model, and twice chance', async () => {
  const at = (overlap: number, chance = 0.16): Stability => ({
    images: 4,
    keys: 8,
    heads: 2,
    size: [4, 4],
    chance,
    runs: [
      {
        seed: 0,
        images: [160, 320],
        withBefore: [0.9],
        withLast: [overlap, 1],
        withLastByLayer: [[0.9], [1]],
      },
    ],
    pictures: [
      { image: 0, label: 0, pixels: new Array(16).fill(9), looks: [{ images: 160, counts: [[1, 2]] }] },
    ],
  });
  const results = resultsOf(({ name }) => {
    if (name === 'stability-leverage8') return at(0.6);
    if (name === 'stability-squared-norm8') return at(0.4);
    return name === 'stability-softmax' ? at(0.6, 0.44) : undefined;
  });
  expect(verdicts(await stabilitySection(smoke, results))).toEqual([true, false, false]);
});
