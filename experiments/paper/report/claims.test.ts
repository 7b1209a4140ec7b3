/** What the report concludes from results that are made up: each verdict with results for it and against it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { experimentsOf } from '../experiments.js';
import { Place } from '../place.js';
import { type Found, JUDGES, KINDS } from '../planted.js';
import type { Run } from '../run.js';
import { smoke } from '../settings.js';
import type { Stability } from '../stability.js';
import { CHOICES, choiceName } from '../structure.js';
import { plantedSection } from './planted.js';
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
    return { images: 1000, softmax: 0.9 + seed / 100, cells };
  });
}

describe('structure', () => {
  /** One head whose universal set, 5 of 17 keys, holds `inSet` of `keys` keys of large softmax scores, one more or less on each of 9 images. */
  const looked = (inSet: number, keys: number, squares: number, squaresOutside: number) =>
    resultsOf(({ name }) => {
      if (!name.startsWith('structure')) return undefined;
      const large = [{ epsilon: 0.1, scores: 9, keys, inSet, set: 5, squares, squaresOutside }];
      const losses = CHOICES.flatMap((choice) =>
        smoke.keys.map((keys) => ({ choice: choiceName(choice), keys, error: 0.5, mass: 0.5 })),
      );
      const largeKeys = Array.from({ length: 9 }, (_, i) => [
        { keys, inSet: inSet + (i % 3) - 1, chance: (5 / 17) * keys },
      ]);
      return {
        images: 9,
        tokens: 17,
        heads: [{ layer: 0, head: 0, spread: 9, losses, large }],
        largeKeys,
      };
    });
  it.each([
    ['holds all', looked(40, 40, 7, 0), [true, true]],
    ['lacks some, and fewer keys than chance would give it', looked(2, 40, 7, 1), [false, false]],
    ['holds of a few keys what chance may give as well', looked(1, 1, 7, 0), [true, undefined]],
    ['is as good as chance', looked(12, 40, 7, 0), [true, undefined]],
    ['is not tried by any large score of |x|^2', looked(40, 40, 0, 0), [undefined, true]],
  ])('has a set that %s', async (_, results, expected) => {
    expect(verdicts(await structureSection(smoke, results))).toEqual(expected);
  });
});

describe('training', () => {
  const held = { softmax: 0.9, leverage8: 0.88, norm8: 0.85, random8: 0.8, clusters4: 0.7, leverage4: 0.6 };
  const claims = async (trained: Record<string, number>) =>
    (await trainingSection(smoke, accuracies(trained, {}))).claims;

  it('keeps over 90 % of softmax, or does not', async () => {
    const [kept, clusters] = await claims(held);
    expect([kept.holds, clusters.holds]).toEqual([true, true]);
    expect(kept.evidence).toContain('leverage is better than random (+8.00 ± 0.00 points)');
    const against = await claims({ ...held, leverage8: 0.8, random8: 0.9, clusters4: 0.5 });
    expect(against.map(({ holds }) => holds)).toEqual([false, false]);
    expect(against[0].evidence).toContain('leverage is worse than random (-10.00 ± 0.00 points)');
  });

  it('says that seeds do not tell, and which shares are of the same seeds', async () => {
    const seeds = (name: string, values: readonly number[]) =>
      Object.fromEntries(values.map((value, seed) => [`${name}-17-seed${seed}`, value - seed / 100]));
    const near = { softmax: 0.9, ...seeds('leverage8', [0.88, 0.84, 0.7]), clusters4: 0.61, leverage4: 0.6 };
    const [kept, clusters] = await claims({ ...near, ...seeds('random8', [0.8, 0.85, 0.72]) });
    // By two standard errors it would be held.
    expect(kept.holds).toBeUndefined();
    expect(kept.evidence).toContain('leverage cannot be told from random');
    expect(clusters.holds).toBeUndefined();
    const { tables } = await trainingSection(
      smoke,
      accuracies({ ...seeds('softmax', [0.9, 0.5]), ...seeds('leverage8', [0.81]) }, {}),
    );
    const row = tables[0].rows.find(([attention]) => attention === '8 keys by leverage')!;
    expect(row.slice(1, 4)).toEqual(['1 of 3', '81.00 %', '90.0 %']);
  });

  it('is open while runs are missing', async () => {
    const { leverage8: _, ...rest } = held;
    expect((await claims(rest))[0].holds).toBeUndefined();
    const single = { softmax: 0.9, 'leverage8-17-seed0': 0.88, 'norm8-17-seed0': 0.85 };
    expect((await claims(single))[0]).toEqual({ claim: expect.anything(), evidence: 'runs are missing.' });
  });

  it('reaches 86 % for longer, or does not', () => {
    expect(verdicts(longSection(smoke, accuracies(held, {})))).toEqual([true]);
    expect(verdicts(longSection(smoke, accuracies({ ...held, leverage8: 0.85 }, {})))).toEqual([false]);
    expect(verdicts(longSection(smoke, accuracies({ softmax: 0.9 }, {})))).toEqual([undefined]);
  });
});

describe('swapping', () => {
  const trained = { softmax: 0.9, leverage8: 0.88 };
  const swapped = { '-leverage': 0.5, 'squared-norm': 0.3, '-random': 0.6, 'long-softmax-clusters': 0.8 };
  it('loses what training recovers, and leverage beats norms, or not', async () => {
    const section = await swapSection(smoke, accuracies(trained, swapped));
    expect(verdicts(section)).toEqual([true, true, true]);
    expect(section.claims[0].evidence).toContain('loses 40.00 ± 0.00 points of accuracy');
    expect(section.claims[0].evidence).toContain('training with them 2.00 ± 0.00: 95 % is recovered');
    expect(section.claims[1].evidence).toContain('+20.00 ± 0.00 at 4');
    expect(section.claims[1].evidence).toContain('Leverage less random keys: -10.00 ± 0.00 at 4');
    expect(section.claims[1].evidence).toContain('Squared norm less random keys: -30.00 ± 0.00 at 4');
    const other = { ...swapped, 'squared-norm': 0.6, 'long-softmax-clusters': 0.1 };
    const worse = { softmax: 0.9, leverage8: 0.6 };
    expect(verdicts(await swapSection(smoke, accuracies(worse, other)))).toEqual([false, false, false]);
  });

  it('says where a difference cannot be told', async () => {
    const half = { softmax: 0.9, 'leverage8-17-seed0': 0.72, 'leverage8-17-seed1': 0.68, leverage8: 0.7 };
    const near = { ...swapped, 'squared-norm': 0.5, 'long-softmax-clusters': 0.61 };
    const section = await swapSection(smoke, accuracies(half, near));
    expect(verdicts(section)).toEqual([undefined, undefined, undefined]);
  });

  it('has lost nothing where swapped models are as good', async () => {
    const section = await swapSection(smoke, accuracies(trained, { ...swapped, '-leverage': 0.9 }));
    expect(section.claims[0].evidence).toBe('swapping loses nothing.');
  });
});

it('calls stable what shares over half of its keys with the final model, and twice chance', async () => {
  const at = (overlap: number, chance = 0.16): Stability => ({
    images: 4,
    keys: 8,
    heads: 2,
    size: [4, 4],
    chance,
    otherImages: 0.3,
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

describe('planted keys', () => {
  /** Few and many planted keys in noise of each kind, the recall of leverage, and what there is of large scores. */
  const planted = (few: number, many: number, large: Partial<Found>) =>
    resultsOf(({ name }) => {
      if (!name.startsWith('planted')) return undefined;
      const cells = KINDS.flatMap((kind) =>
        [8, 64].map((planted) => ({
          kind,
          planted,
          noise: 0.3,
          recall: Object.fromEntries(JUDGES.map((judge) => [judge, planted === 8 ? few : many])),
          heavy: 3,
          heavyPlanted: 3,
          heavyOutside: 0,
          set: 8,
          ...large,
        })),
      );
      return { n: 128, d: 64, cells };
    });
  it.each([
    ['found where they are few', planted(0.95, 0.2, {}), true, true],
    ['lost where they are few', planted(0.5, 1, {}), false, true],
    ['heavy outside the set', planted(1, 1, { heavyOutside: 1 }), true, false],
    ['never heavy', planted(1, 1, { heavy: 0 }), true, undefined],
    ['heavy where the set is all keys', planted(1, 1, { set: 128 }), true, undefined],
  ])('are %s', async (_, results, found, inside) => {
    const section = await plantedSection(results);
    expect(verdicts(section)).toEqual([found, found, found, inside]);
  });

  it('are told with where they are judged', async () => {
    const [first, , , theorem] = (await plantedSection(planted(0.95, 0.25, {}))).claims;
    expect(first.evidence).toContain('0.95 by leverage, 0.95 by squared norm in these 1 settings');
    expect(first.evidence).toContain('0.60 by leverage, 0.60 by squared norm in all 2');
    expect(theorem.evidence).toContain('of 6 settings 6 have such scores and a U that is not all keys');
  });
});
