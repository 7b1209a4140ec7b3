/** Report of the structure of attention: what few keys lose in each layer, and where large scores lie. */
import type { Settings } from '../settings.js';
import {
  CHOICES,
  choiceName,
  type HeadStructure,
  type Large,
  type LargeKeys,
  type Structure,
} from '../structure.js';
import { type Panel, panelsPlot } from './panels.js';
import { type Claim, percent, type Results, type Section, type Table } from './section.js';
import { estimate, meanOf, signOf, verdictOf } from './statistics.js';

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
      { x: 'keys of each head', ticks: keys, log: true, y: 'relative error', range: [0, largestOf(panels)] },
    ),
  };
}

type Named = Structure & { readonly name: string };

/** The end of an axis that goes from 0 to beyond all points. */
function largestOf(panels: readonly Panel[]): number {
  const errors = panels.flatMap(({ curves }) => curves.flatMap(({ points }) => points.map(([, y]) => y)));
  return Math.ceil(10 * Math.max(0.1, ...errors)) / 10;
}

function lossOf(
  heads: readonly HeadStructure[],
  choice: string,
  k: number,
  figure: 'error' | 'mass',
): number {
  return meanOf(
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
      const keys = meanOf(of.map((each) => each.keys));
      const inSet = meanOf(of.map((each) => each.inSet));
      return [
        String(layer + 1),
        String(epsilon),
        meanOf(of.map(({ scores }) => scores)).toFixed(1),
        keys.toFixed(1),
        keys > 0 ? percent(inSet / keys) : '-',
        meanOf(of.map(({ set }) => set)).toFixed(1),
        meanOf(of.map(({ squares }) => squares)).toFixed(1),
        String(meanOf(of.map(({ squaresOutside }) => squaresOutside))),
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

/** A figure of all heads on all images. */
function totalOf({ heads, images }: Named, e: number, figure: Exclude<keyof Large, 'epsilon'>): number {
  return Math.round(images * heads.reduce((sum, { large }) => sum + large[e][figure], 0));
}

/** Of the keys, the share in U: mean over heads and images. */
const sizeOf = ({ heads, tokens }: Named, e: number) =>
  meanOf(heads.map(({ large }) => large[e].set)) / tokens;

/** In words, for each threshold of a model, and as one sentence for all models. */
function byThreshold(found: readonly Named[], words: (model: Named, e: number) => string): string {
  const texts = found.map(
    (model) => `\`${model.name}\`: ${model.heads[0].large.map((_, e) => words(model, e)).join('; ')}`,
  );
  return `${texts.join('. ')}.`;
}

function setClaim(found: readonly Named[]): Claim {
  const claim = 'Every large score of |<q,k>|^2 is of a key in U (the theorem).';
  if (found.length === 0) return { claim, evidence: 'runs are missing.' };
  const totals = found.flatMap((model) =>
    model.heads[0].large.map((_, e) => ({
      scores: totalOf(model, e, 'squares'),
      outside: totalOf(model, e, 'squaresOutside'),
    })),
  );
  const isTried = totals.some(({ scores }) => scores > 0);
  return {
    claim,
    ...(isTried && { holds: totals.every(({ outside }) => outside === 0) }),
    evidence: byThreshold(found, (model, e) => {
      const scores = totalOf(model, e, 'squares');
      const { epsilon } = model.heads[0].large[e];
      const outside = `${totalOf(model, e, 'squaresOutside')} outside U, which has ${percent(sizeOf(model, e))} of the keys`;
      return `${scores.toLocaleString('en')} scores of ${epsilon} or more${scores > 0 ? `, ${outside}` : ''}`;
    }),
  };
}

/** Chance must have it of so many keys, or nothing is told. */
const ENOUGH = 5;

/** More than sets of as many keys would hold by chance, in each head of each image. */
function largeClaim(found: readonly Named[]): Claim {
  const claim = 'Keys of large softmax scores lie in U (no theorem), more than chance would have it.';
  if (found.length === 0) return { claim, evidence: 'runs are missing.' };
  const total = ({ largeKeys }: Named, e: number, figure: keyof LargeKeys) =>
    largeKeys.reduce((sum, image) => sum + image[e][figure], 0);
  const signs = found.flatMap((model) =>
    model.heads[0].large.map((_, e) =>
      total(model, e, 'chance') < ENOUGH
        ? 0
        : signOf(estimate(model.largeKeys.map((image) => image[e].inSet - image[e].chance))),
    ),
  );
  return {
    claim,
    holds: verdictOf(signs),
    evidence: `${byThreshold(found, (model, e) => {
      const keys = total(model, e, 'keys');
      const { epsilon } = model.heads[0].large[e];
      return keys === 0
        ? `at ${epsilon} no score is large`
        : `at ${epsilon} U holds ${total(model, e, 'inSet').toLocaleString('en')} of ${keys.toLocaleString('en')}, ${total(model, e, 'chance').toFixed(1)} by chance`;
    })} Judged image by image, where chance has it of ${ENOUGH} keys or more.`,
  };
}
