/** Report of the planted keys: recall by noise, number and n. */
import { type Found, JUDGES, KINDS, type Planted } from '../planted.js';
import { panelsPlot } from './panels.js';
import { type Claim, percent, type Results, type Section, type Table } from './section.js';
import { meanOf } from './statistics.js';

/** What is called found. */
const RECALL = 0.9;

/** A cell with its number of keys. */
type Cell = Found & { readonly n: number };

/** The section. */
export async function plantedSection(results: Results): Promise<Section> {
  const found = results.named('planted-').flatMap(({ name }) => {
    const result = results.get<Planted>(name)?.result;
    return result ? [result] : [];
  });
  const cells = found.flatMap(({ n, cells }) => cells.map((cell) => ({ ...cell, n })));
  const sizes = found.map(({ n }) => n);
  const largest = Math.max(...sizes);
  const counts = [...new Set(cells.map(({ planted }) => planted))];
  const panels = counts.flatMap((count) =>
    KINDS.map((kind) => ({
      title: `${count} planted, noise: ${kind}`,
      curves: JUDGES.map((judge) => ({
        name: judge,
        points: cells
          .filter((cell) => cell.kind === kind && cell.n === largest && cell.planted === count)
          .map(({ noise, recall }) => [noise, recall[judge]] as const),
      })),
    })),
  );
  const noises = [...new Set(cells.map(({ noise }) => noise))];
  return {
    name: 'planted',
    title: 'Planted keys and queries',
    text: `Planted unit keys among noise of length sigma, d = ${found[0]?.d ?? 64}; recall is the share of the planted keys among as many keys of largest score, mean over seeds. The noise has all directions; or every key has a long common mean as well; or noise is long in four directions that it shares.`,
    tables: sizes.map((n) =>
      table(
        n,
        cells.filter((cell) => cell.n === n),
      ),
    ),
    claims: cells.length > 0 ? [...KINDS.map((kind) => claimOf(kind, cells)), setClaim(cells)] : [],
    plots: await panelsPlot(
      'planted',
      `Recall of planted keys among ${largest.toLocaleString('en')} against the length of the noise`,
      panels,
      { x: 'length of the noise', ticks: noises, log: true, y: 'recall', range: [0, 1] },
    ),
  };
}

function table(n: number, cells: readonly Cell[]): Table {
  return {
    title: `n = ${n.toLocaleString('en')}`,
    head: ['noise', 'planted', 'length', ...JUDGES, 'scores of x^2 >= 0.1', 'of planted keys', 'keys in U'],
    rows: cells.map(({ kind, planted, noise, recall, heavy, heavyPlanted, set }) => [
      kind,
      String(planted),
      String(noise),
      ...JUDGES.map((judge) => recall[judge].toFixed(2)),
      heavy.toFixed(1),
      heavy > 0 ? percent(heavyPlanted / heavy) : '-',
      set.toFixed(1),
    ]),
  };
}

/** Where leverage is judged: few keys are planted, and noise is half as long as they or less. */
const isJudged = ({ planted, noise }: Cell) => planted <= 8 && noise <= 0.5;

/** Where leverage finds what is planted, and how often where norms do not. */
function claimOf(kind: Cell['kind'], all: readonly Cell[]): Claim {
  const cells = all.filter((cell) => cell.kind === kind);
  const of = (judge: string) => cells.filter(({ recall }) => recall[judge] >= RECALL);
  const both = of('leverage').filter((cell) => of('squared-norm').includes(cell)).length;
  const few = cells.filter(isJudged);
  const mean = (judge: string, among: readonly Cell[]) => meanOf(among.map(({ recall }) => recall[judge]));
  const means = (among: readonly Cell[]) =>
    `${mean('leverage', among).toFixed(2)} by leverage, ${mean('squared-norm', among).toFixed(2)} by squared norm`;
  const counts = JUDGES.map((judge) => `${judge} ${of(judge).length}`).join(', ');
  return {
    claim: `Leverage finds planted keys where they are few (8) and noise, of the kind "${kind}", has length 0.5 or less.`,
    holds: mean('leverage', few) >= RECALL,
    evidence: `mean recall is ${means(few)} in these ${few.length} settings, and ${means(cells)} in all ${cells.length}. It is ${RECALL} or more by: ${counts}; by leverage and by norm at once ${both}. Judged in the former, ${RECALL} or more is called found.`,
  };
}

function setClaim(cells: readonly Cell[]): Claim {
  const claim = 'Every score of |<q,k>|^2 >= 0.1 is of a key in U (the theorem).';
  const tried = cells.filter(({ heavy, set, n }) => heavy > 0 && set < n);
  const outside = cells.reduce((sum, { heavyOutside }) => sum + heavyOutside, 0);
  return {
    claim,
    ...(tried.length > 0 && { holds: outside === 0 }),
    evidence: `of ${cells.length} settings ${tried.length} have such scores and a U that is not all keys; ${outside === 0 ? 'no setting has one' : 'some have one'} outside.`,
  };
}
