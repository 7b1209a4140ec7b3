/** Writes the tables and plots of experiments/results from the results so far. */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { machineAlone, machineText } from '../bench/machine.js';
import { gridText } from '../bench/results.js';
import { light, standAlone } from '../src/cli/report/palette.js';
import { thousands } from '../src/cli/text.js';
import { writeWhole } from './cache.js';
import type { Capture } from './captures.js';
import { CLAIM_SHARE } from './claims.js';
import { claimsText } from './claims-text.js';
import { type Combination, combinations, nameOf, strokes } from './combinations.js';
import { type Group, groupsOf, typical } from './figures.js';
import { curvesChart } from './plot.js';
import { SHARES } from './tails.js';

const folder = fileURLToPath(new URL('results/', import.meta.url));

/** What is drawn: of each kind of combination one. */
const drawn = combinations.filter((each) => strokes[nameOf(each)]);

/** Renders what is complete; heads that lack a result are left out, and the text says how many there are. */
export async function writeResults(captures: readonly Capture[], to = folder): Promise<void> {
  const groups = groupsOf(captures);
  mkdirSync(to, { recursive: true });
  writeWhole(`${to}tails.md`, textOf(groups, captures));
  for (const figure of ['errors', 'divergences'] as const)
    writeWhole(`${to}tails-${figure}.svg`, standAlone(await curvesChart(groups, drawn, figure), light));
}

function textOf(groups: readonly Group[], captures: readonly Capture[]): string {
  return `# How well few stored pairs stand for all keys and values

${machineText(machineAlone('npm run study'))}

\`../README.md\` says what is measured and how. Errors are medians over heads; a pair is a key with a value.

${coverageText(groups, captures)}

${claimsText(groups)}

![Error of the output against stored pairs](tails-errors.svg)

![Divergence of the attention against stored pairs](tails-divergences.svg)

${groups.map(groupText).join('\n\n')}
`;
}

/** Which heads there are, and which are missing. */
function coverageText(groups: readonly Group[], captures: readonly Capture[]): string {
  const rows = groups.map(({ title, captures: names, heads }) => {
    const of = captures.filter(({ name }) => names.includes(name));
    const all = of.reduce(
      (sum, { layers, heads, keyHeads, studied = keyHeads }) =>
        sum + (layers.length * studied * heads) / keyHeads,
      0,
    );
    return [title, of.map(({ input }) => input).join(', '), String(heads.length), String(all)];
  });
  const absent = captures.filter(({ name }) => !groups.some(({ captures: names }) => names.includes(name)));
  const rest =
    absent.length === 0
      ? ''
      : `\n\nWithout a complete head: ${absent.map(({ name }) => name).join(', ')}. \`npm run study\` goes on with them.`;
  const curves = groups.flatMap(({ heads }) => heads.flatMap((head) => [...head.values()]));
  const stale = curves.reduce((sum, each) => sum + each.stale, 0);
  const cells = curves.length * SHARES.length;
  const old =
    stale === 0
      ? ''
      : `\n\n${thousands(stale)} of ${thousands(cells)} results were measured with earlier code of the tails; \`npm run study -- --again\` measures them anew.`;
  return gridText(['model', 'inputs', 'query heads measured', 'of'], rows) + rest + old;
}

/** Selectors by tails: error, divergence and time at N/16, then the error at all shares. */
function groupText(group: Group): string {
  const present = combinations.filter((each) => group.heads[0].has(nameOf(each)));
  const value = (each: Combination, figure: 'errors' | 'divergences' | 'milliseconds') =>
    short(typical(group, nameOf(each), figure, CLAIM_SHARE));
  const rows = present.map((each) => [
    nameOf(each),
    each.sees === 'keys' ? 'no' : each.sees,
    ...SHARES.map((share) => short(typical(group, nameOf(each), 'errors', share))),
    value(each, 'divergences'),
    value(each, 'milliseconds'),
  ]);
  const heading = [
    'selector + tail',
    'queries',
    ...SHARES.map((share) => `N/${share}`),
    `KL, N/${CLAIM_SHARE}`,
    'ms',
  ];
  return `## ${group.title}

${gridText(heading, rows)}`;
}

/** Three digits. */
export function short(value: number): string {
  if (value >= 9.995) return value.toFixed(value >= 99.95 ? 0 : 1);
  return value >= 0.9995 ? value.toFixed(2) : value.toFixed(3).slice(1);
}
