/** A process that does one run: `child.ts SETTINGS RESULTS CACHE RUN`, started by schedule.ts. */
import { experimentsOf, settingsOf } from './experiments.js';
import { Place } from './place.js';
import type { Told } from './schedule.js';

/** Milliseconds between reports. */
const INTERVAL = 1000;

/** One line, or all that is known where LEVATTENTION_STACK is set. */
function reasonOf(error: unknown): string {
  const stack = process.env.LEVATTENTION_STACK && error instanceof Error ? error.stack : undefined;
  return stack ?? String(error);
}

const [name, results, cache, wanted] = process.argv.slice(2);
const tell = (told: Told) => process.send?.(told);
// Whoever started this may have been killed: then nothing is to be left at work.
process.exitCode = 1;
process.on('disconnect', () => process.exit());

const settings = settingsOf(name);
let reported = 0;
const place = new Place(results, cache, settings.saveEvery, (report) => {
  if (performance.now() - reported < INTERVAL) return;
  reported = performance.now();
  tell({ report });
});
try {
  const run = experimentsOf(settings)
    .flatMap(({ runs }) => runs)
    .find(({ name }) => name === wanted)!;
  await place.execute(run);
  process.exitCode = 0;
} catch (error) {
  tell({ error: reasonOf(error) });
}
process.disconnect?.();
