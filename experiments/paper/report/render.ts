/** Writes the tables, claims and plots of all experiments from the results so far, as Markdown, JSON and SVG. */
import { light, standAlone } from '../../../src/cli/report/palette.js';
import { writeWhole } from '../../cache.js';
import type { Place } from '../place.js';
import type { Run } from '../run.js';
import type { Settings } from '../settings.js';
import { choiceText } from '../teller.js';
import { plantedSection } from './planted.js';
import { claimText, Results, type Section, sectionText } from './section.js';
import { stabilitySection } from './stability.js';
import { structureSection } from './structure.js';
import { swapSection } from './swap.js';
import { longSection, trainingSection } from './training.js';

/** Writes `paper.md`, `paper.json` and `paper-*.svg` to a folder; what is missing is left out, and the text says so. */
export async function writeReport(
  settings: Settings,
  runs: readonly Run[],
  place: Place,
  folder: string,
): Promise<void> {
  const results = new Results(runs, place);
  const sections = [
    await structureSection(settings, results),
    await swapSection(settings, results),
    await trainingSection(settings, results),
    longSection(settings, results),
    await stabilitySection(settings, results),
    await plantedSection(results),
  ];
  writeWhole(`${folder}/paper.md`, textOf(settings, sections, runs, place));
  const data = sections.map(({ name, title, tables, claims }) => ({ name, title, claims, tables }));
  writeWhole(`${folder}/paper.json`, `${JSON.stringify(data, null, 1)}\n`);
  for (const { plots } of sections)
    for (const { name, svg } of plots) writeWhole(`${folder}/paper-${name}.svg`, standAlone(svg, light));
}

function textOf(
  settings: Settings,
  sections: readonly Section[],
  runs: readonly Run[],
  place: Place,
): string {
  const kept = runs.map((run) => place.result(run)).filter((each) => each !== undefined);
  const missing = runs.filter((run) => !place.result(run));
  const distinct = (values: readonly string[]) => [...new Set(values)].sort().join(', ');
  const hours = kept.reduce((sum, { seconds }) => sum + seconds, 0) / 3600;
  const claims = sections.flatMap((each) => each.claims);
  return `# Vision transformers with LevAttention: the paper's experiments, small

\`npm run paper\`: ${distinct(kept.map(({ processor }) => processor)) || 'no processor yet'}, Node ${distinct(kept.map(({ node }) => node)) || '-'}, ${distinct(kept.map(({ date }) => date)) || '-'}; ${hours.toFixed(1)} hours of one core so far, each run on one core.
\`../README.md\` says what is measured and how. ${missing.length === 0 ? 'All runs are done.' : `Of ${runs.length} runs ${missing.length} are still to be done: ${missing.map(({ name }) => name).join(', ')}.`}

    ${choiceText(settings).replaceAll('\n', '\n    ')}

## What held here

${claims.map((claim) => `- ${claimText(claim)}`).join('\n')}

${sections.map((section) => sectionText(section, 'paper-')).join('\n\n')}
`;
}
