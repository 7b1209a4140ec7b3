/** Report of the structure of attention: what few keys lose in each layer, and where large scores lie. */
import type { Settings } from '../settings.js';
import { CHOICES, choiceName, type HeadStructure, type Structure } from '../structure.js';
import { panelsPlot } from './panels.js';
import { type Claim, estimate, percent, type Results, type Section, type Table, tenths } from './section.js';

const mean = (values: readonly number[]) => estimate(values).mean;

/** What is drawn, and shown head by head. */
const DRAWN = ['leverage', 'leverage-centred', 'squared-norm', 'random', 'oracle', 'clusters'];

/** The section. */
export async function structureSection({ keys, common }: Settings, results: Results): Promise<Section> {
  const runs = results.named('structure-');
  const found = runs.flatMap(({ name }) => {
    const result = results.get<Structure>(name)?.result;
    return result ? [{ name: name.replace('structure-', ''), ...result }] : [];
  });
  const panels = found.map(({ name, tokens, heads }) => ({
    title: `${name}, n = ${tokens}`,
    curves: DRAWN.map((name) => ({
      name,
      points: keys.map((k) => [k, lossOf(heads, name, k, 'error')] as const),
    })),
  }));
  return {
    name: 'structure',
    title: 'Structure of the attention of softmax-trained models',
    text: `The attention of models as softmax trained them, on ${found.map(({ images }) => images).join(' and ') || 'some'} test images. The error is that of a head's output, relative; the mass is the exact attention on the keys that are kept as they are. A score is large from epsilon on; U is the universal set of the keys for |x|^2 at the same epsilon.`,
    tables: found.flatMap((each) => [choiceTable(each, keys), layerTable(each, common), largeTable(each)]),
    claims: [setClaim(found), largeClaim(found)],
    plots: await panelsPlot(
      'structure',
      'Relative error of the output of a head against the keys that are kept, means over heads and images',
      panels,
      { x: 'keys of each head', ticks: keys, log: true, y: 'relative error', range: [0, 1] },
    ),
  };
}

type Named = Structure & { readonly name: string };

function lossOf(
  heads: readonly HeadStructure[],
  choice: string,
  k: number,
  figure: 'error' | 'mass',
): number {
  return mean(
    heads.map(({ losses }) => losses.find((each) => each.choice === choice && each.keys === k)![figure]),
  );
}

/** Means over heads. */
function choiceTable({ name, tokens, heads }: Named, keys: readonly number[]): Table {
  return {
    title: `\`${name}\`, n = ${tokens}: error of the output, and mass on the keys, means over ${heads.length} heads`,
    head: ['keys by', ...keys.map((k) => `error, ${k}`), ...keys.map((k) => `mass, ${k}`)],
    rows: CHOICES.map((choice) => [
      choiceName(choice),
      ...keys.map((k) => lossOf(heads, choiceName(choice), k, 'error').toFixed(3)),
      ...keys.map((k) => percent(lossOf(heads, choiceName(choice), k, 'mass'))),
    ]),
  };
}

/** Head by head at the common number of keys. */
function layerTable({ name, heads }: Named, common: number): Table {
  return {
    title: `\`${name}\`: error with ${common} keys, head by head; a query attends to exp(entropy) keys`,
    head: ['layer', 'head', 'keys attended to', ...DRAWN],
    rows: heads.map((each) => [
      String(each.layer + 1),
      String(each.head + 1),
      each.spread.toFixed(1),
      ...DRAWN.map((choice) => lossOf([each], choice, common, 'error').toFixed(3)),
    ]),
  };
}

/** Large scores by layer and threshold: counts of a head on an image. */
function largeTable({ name, tokens, heads }: Named): Table {
  const layers = [...new Set(heads.map(({ layer }) => layer))];
  const epsilons = heads[0].large.map(({ epsilon }) => epsilon);
  const rows = layers.flatMap((layer) =>
    epsilons.map((epsilon, e) => {
      const of = heads.filter((each) => each.layer === layer).map(({ large }) => large[e]);
      const keys = mean(of.map((each) => each.keys));
      const inSet = mean(of.map((each) => each.inSet));
      return [
        String(layer + 1),
        String(epsilon),
        mean(of.map(({ scores }) => scores)).toFixed(1),
        keys.toFixed(1),
        keys > 0 ? percent(inSet / keys) : '-',
        mean(of.map(({ set }) => set)).toFixed(1),
        mean(of.map(({ squares }) => squares)).toFixed(1),
        String(mean(of.map(({ squaresOutside }) => squaresOutside))),
      ];
    }),
  );
  return {
    title: `\`${name}\`: large scores of a head, of ${tokens * tokens} scores and ${tokens} keys, means over heads and images`,
    head: [
      'layer',
      'epsilon',
      'softmax scores',
      'of keys',
      'of which in U',
      'keys in U',
      'scores of x^2',
      'outside U',
    ],
    rows,
  };
}

function setClaim(found: readonly Named[]): Claim {
  const claim = 'Every large score of |<q,k>|^2 is of a key in U (the theorem).';
  if (found.length === 0) return { claim, evidence: 'runs are missing.' };
  const large = found.flatMap(({ heads, images }) =>
    heads.flatMap(({ large }) => large.map((each) => ({ ...each, images }))),
  );
  const sum = (value: (each: (typeof large)[number]) => number) =>
    Math.round(large.reduce((total, each) => total + value(each) * each.images, 0));
  const squares = sum((each) => each.squares);
  const outside = sum(({ squaresOutside }) => squaresOutside);
  if (squares === 0) return { claim, evidence: 'no score is large.' };
  return {
    claim,
    holds: outside === 0,
    evidence: `of ${squares.toLocaleString('en')} such scores ${outside} are outside.`,
  };
}

/** A set that holds more of the keys says nothing of those of large scores. */
const ALL = 0.95;

/** More than a set of as many keys would hold by chance. */
function largeClaim(found: readonly Named[]): Claim {
  const claim = 'Keys of large softmax scores lie in U (no theorem), more than chance would have it.';
  if (found.length === 0) return { claim, evidence: 'runs are missing.' };
  const models = found.map(({ name, tokens, heads }) => {
    const rows = heads[0].large.map(({ epsilon }, e) => {
      const of = heads.map(({ large }) => large[e]);
      const keys = mean(of.map((each) => each.keys));
      return {
        epsilon,
        inSet: keys > 0 ? mean(of.map(({ inSet }) => inSet)) / keys : undefined,
        chance: mean(of.map(({ set }) => set)) / tokens,
      };
    });
    return { name, rows };
  });
  const judged = models
    .flatMap(({ rows }) => rows)
    .filter(({ inSet, chance }) => inSet !== undefined && chance < ALL);
  return {
    claim,
    ...(judged.length > 0 && { holds: judged.every(({ inSet, chance }) => inSet! > chance) }),
    evidence: `${models
      .map(
        ({ name, rows }) =>
          `\`${name}\`: ${rows
            .map(({ epsilon, inSet, chance }) =>
              inSet === undefined
                ? `at ${epsilon} no score is large`
                : `at ${epsilon} U holds ${tenths(inSet)} of them and ${tenths(chance)} of all keys`,
            )
            .join('; ')}`,
      )
      .join('. ')}.`,
  };
}
