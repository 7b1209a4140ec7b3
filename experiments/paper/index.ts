/**
 * The command: `npm run paper -- [--render] [--smoke] [--jobs N] [NAME ...]` does the runs that are missing and whose names begin so, then
 * writes tables and plots.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { studyFolder } from '../cache.js';
import { makeArtefacts } from './artefact.js';
import { experimentsOf, settingsOf } from './experiments.js';
import { Place } from './place.js';
import { writeReport } from './report/render.js';
import { missingOf, processes, runAll } from './schedule.js';
import { againLines, choiceText, Lines, leftText } from './teller.js';

const usage = 'npm run paper -- [--render] [--smoke] [--jobs N] [NAME ...]';

/** What the command line says; ends the process where it makes no sense. */
function argumentsOf(args: string[]) {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { render: { type: 'boolean' }, smoke: { type: 'boolean' }, jobs: { type: 'string' } },
    });
    const jobs = values.jobs === undefined ? availableParallelism() : Number(values.jobs);
    if (!(Number.isInteger(jobs) && jobs > 0))
      refuse(`--jobs must be a positive whole number, got ${values.jobs}`);
    return { ...values, jobs, names: positionals };
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(reason: string): never {
  console.error(`paper: ${reason}\n  ${usage}`);
  process.exit(2);
}

const { smoke, render, jobs, names } = argumentsOf(process.argv.slice(2));
const settings = settingsOf(smoke ? 'smoke' : 'paper');
const runs = experimentsOf(settings).flatMap((each) => each.runs);
const unknown = names.find((name) => !runs.some((run) => run.name.startsWith(name)));
if (unknown !== undefined)
  refuse(
    `unknown name '${unknown}'; known is what begins one of\n  ${runs.map(({ name }) => name).join(' ')}`,
  );

/** Does what the command line asks for, and writes the report. */
async function perform(): Promise<void> {
  const cache = join(studyFolder(), settings.name);
  const results = smoke
    ? join(cache, 'results')
    : fileURLToPath(new URL('../results/paper', import.meta.url));
  const place = new Place(results, cache, settings.saveEvery);
  // What a run that is done has not left, by an earlier version or because a file was lost, the cache may still give.
  for (const run of runs) if (place.result(run)) await makeArtefacts(run, place);
  if (!render) {
    const asked = runs.filter(
      ({ name }) => names.length === 0 || names.some((part) => name.startsWith(part)),
    );
    const missing = await missingOf(asked, place);
    console.error(choiceText(settings));
    for (const line of againLines(missing, place)) console.error(line);
    console.error(leftText(missing, jobs));
    const teller = new Lines(missing, jobs, (line) => console.error(line));
    const failed = await runAll(missing, place, processes(settings, place), jobs, teller);
    if (failed.length > 0) {
      console.error(`paper: not done: ${failed.map(({ name }) => name).join(', ')}`);
      process.exitCode = 1;
    }
  }
  await writeReport(settings, runs, place, join(results, '..'));
}

await perform().catch((error: Error) => {
  console.error(`paper: ${error.message}`);
  // What is at work ends with this process, and goes on with the next.
  process.exit(1);
});
