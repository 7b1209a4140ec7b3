/** The command: `npm run study -- [--render | --again] [PART ...]` measures what is missing of the captures whose name begins with a part, and writes the results. */
import { type Capture, captureFile, captures } from './captures.js';
import { combinations } from './combinations.js';

import { writeResults } from './render.js';
import { type Missing, measureMissing, missingOf, workOf } from './tails.js';

const flags = process.argv.slice(2).filter((each) => each.startsWith('-'));
const parts = process.argv.slice(2).filter((each) => !each.startsWith('-'));
const unknown =
  flags.find((flag) => flag !== '--render' && flag !== '--again') ??
  parts.find((part) => !captures.some(({ name }) => name.startsWith(part)));
if (unknown !== undefined) {
  console.error(`study: unknown argument '${unknown}'; known: --render, --again, and what begins a name of`);
  console.error(`  ${captures.map(({ name }) => name).join(' ')}`);
  process.exit(2);
}
const asked = captures.filter(
  ({ name }) => parts.length === 0 || parts.some((part) => name.startsWith(part)),
);

if (!flags.includes('--render')) await measureAll(flags.includes('--again'));
await writeResults(captures);

/** What is core first; layer by layer of all captures, so that whenever it ends all models have their share. */
async function measureAll(again: boolean): Promise<void> {
  const present = asked.filter(isPresent);
  const units = present
    .flatMap((capture) => inSpread(capture.layers).map((layer, rank) => ({ capture, layer, rank })))
    .sort((a, b) => a.rank - b.rank);
  const parts = [true, false].flatMap((core) =>
    units.map(({ capture, layer }) => {
      const wanted = combinations.filter((each) => each.core === core);
      return { capture, list: missingOf(capture, [layer], wanted, again) };
    }),
  );
  const work = (capture: Capture, { combination }: Missing) => workOf(capture, combination);
  let left = 0;
  for (const { capture, list } of parts) for (const each of list) left += work(capture, each);
  let measured = 0;
  let said = performance.now();
  const started = said;
  for (const { capture, list } of parts)
    await measureMissing(capture, list, (each) => {
      measured += work(capture, each);
      left -= work(capture, each);
      const now = performance.now();
      if (now - said < 10_000) return;
      said = now;
      const minutes = ((now - started) / measured) * (left / 60_000);
      console.error(`${capture.name}, layer ${each.layer}: in all about ${minutes.toFixed(0)} min left`);
    });
}

/** The first, the last, the middle one, then those between. */
function inSpread(layers: readonly number[]): number[] {
  const last = layers.length - 1;
  const order = new Set([0, last]);
  for (let parts = 2; order.size <= last; parts *= 2)
    for (let i = 1; i < parts; i += 2) order.add(Math.round((i * last) / parts));
  return [...order].map((i) => layers[i]);
}

/** Makes the capture where it is not there yet; one that cannot be had is left out, with the reason. */
function isPresent(capture: Capture): boolean {
  try {
    captureFile(capture);
    return true;
  } catch (error) {
    console.error(`${capture.name} is left out: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}
