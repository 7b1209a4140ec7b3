/** The results as figures: for each query head and each combination, the losses at all shares. */
import { type Capture, studiedHeads } from './captures.js';
import { combinations, nameOf } from './combinations.js';
import { type Cell, CODE, HeadResults } from './store.js';
import { pairsOf, SHARES } from './tails.js';

/** One combination on one query head. */
export interface Curve {
  /** By share, as in SHARES. */
  readonly errors: readonly number[];
  readonly divergences: readonly number[];
  /** Of its key head. */
  readonly milliseconds: readonly number[];
  /** How many of them were measured with other code. */
  readonly stale: number;
}

/** Query heads of one model at one length. */
export interface Group {
  readonly title: string;
  readonly model: string;
  readonly n: number;
  readonly captures: readonly string[];
  /** For each query head, by name of the combination. */
  readonly heads: readonly ReadonlyMap<string, Curve>[];
}

/** The middle one, or the mean of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.floor(half - 0.5)] + sorted[Math.floor(half)]) / 2;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** All heads that have the core results, with everything that is there of all of them. */
export function groupsOf(captures: readonly Capture[]): Group[] {
  const groups = new Map<string, { of: Capture[]; heads: Map<string, Curve>[] }>();
  for (const capture of captures) {
    const heads = headsOf(capture);
    if (heads.length === 0) continue;
    const title = `${capture.model}, n = ${capture.n}`;
    const group = groups.get(title) ?? { of: [], heads: [] };
    groups.set(title, group);
    group.of.push(capture);
    group.heads.push(...heads);
  }
  return [...groups].map(([title, { of, heads }]) => {
    const [{ model, n }] = of;
    const names = [...heads[0].keys()].filter((name) => heads.every((head) => head.has(name)));
    const complete = heads.map((head) => new Map(names.map((name) => [name, head.get(name)!])));
    return { title, model, n, captures: of.map(({ name }) => name), heads: complete };
  });
}

/** The query heads that have all core combinations. */
function headsOf(capture: Capture): Map<string, Curve>[] {
  const asked = combinations.filter(({ before }) => capture.before || !before);
  const pairs = SHARES.map((share) => pairsOf(capture.n, share));
  const heads: Map<string, Curve>[] = [];
  for (const layer of capture.layers)
    for (const head of studiedHeads(capture, layer)) {
      const results = new HeadResults(capture.name, layer, head);
      const cells = asked.map((each) => ({
        each,
        cells: pairs.map((count) => results.get(nameOf(each), count)).filter((cell) => cell !== undefined),
      }));
      if (cells.some(({ each, cells }) => each.core && cells.length < pairs.length)) continue;
      const complete = cells.filter(({ cells }) => cells.length === pairs.length);
      for (let g = 0; g < capture.heads / capture.keyHeads; g++)
        heads.push(new Map(complete.map(({ each, cells }) => [nameOf(each), curveOf(cells, g)])));
    }
  return heads;
}

function curveOf(cells: readonly Cell[], g: number): Curve {
  return {
    errors: cells.map(({ losses }) => losses[g].error),
    divergences: cells.map(({ losses }) => losses[g].divergence),
    milliseconds: cells.map(({ milliseconds }) => milliseconds),
    stale: cells.filter(({ code }) => code !== CODE).length,
  };
}

/** The median over heads of a figure of a combination at one share. */
export function typical(
  group: Group,
  name: string,
  figure: 'errors' | 'divergences' | 'milliseconds',
  share: number,
): number {
  const at = SHARES.indexOf(share);
  return median(group.heads.map((head) => head.get(name)![figure][at]));
}

/** A combination's errors at one share, head by head. */
export function errorsOf(group: Group, name: string, share: number): number[] {
  const at = SHARES.indexOf(share);
  return group.heads.map((head) => head.get(name)!.errors[at]);
}
