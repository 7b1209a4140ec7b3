/**
 * The checks without end, until Ctrl-C: npm run fuzz -- [seconds] [first seed = now] [check]. A failure says how to see it again; the exit code is 1
 * if there was one.
 */
import { setImmediate } from 'node:timers/promises';
import { seeded } from '../oracle/random.js';
import { checks } from './checks.js';

const [seconds, first, name] = process.argv.slice(2);
const duration = seconds === undefined ? Number.POSITIVE_INFINITY : Number(seconds);
const seed = first === undefined ? Date.now() % 1e9 : Number(first);
const chosen = checks.filter((entry) => name === undefined || entry.name === name);
const wrong =
  (!(duration > 0) && `seconds must be a positive number, got '${seconds}'`) ||
  (!Number.isSafeInteger(seed) && `the seed must be a whole number, got '${first}'`) ||
  (chosen.length === 0 && `no check '${name}'; there are: ${checks.map((entry) => entry.name).join(', ')}`);
if (wrong) {
  console.error(`fuzz: ${wrong}`);
  process.exit(2);
}

/** Between two lines that say how far it is. */
const INTERVAL = 60_000;

const started = performance.now();
const counts = { cases: 0, failures: 0 };

function tell(at: number): void {
  const elapsed = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`${elapsed} s: ${counts.cases} cases, seeds ${seed} to ${at}, ${counts.failures} failures`);
}

function attempt({ name, check }: (typeof checks)[number], at: number): void {
  counts.cases++;
  try {
    check(seeded(at));
  } catch (error) {
    counts.failures++;
    process.exitCode = 1;
    console.log(`${name}, seed ${at}: ${error instanceof Error ? error.message : String(error)}`);
    console.log(`  again: npm run fuzz -- 0.001 ${at} '${name}'`);
  }
}

let stopped = false;
process.on('SIGINT', () => {
  stopped = true;
});

let told = started;
for (let at = seed; ; at++) {
  for (const entry of chosen) {
    attempt(entry, at);
    // Between cases an interrupt is heard.
    await setImmediate();
    if (stopped) break;
  }
  const now = performance.now();
  stopped ||= now - started >= 1000 * duration;
  if (!stopped && now - told < INTERVAL) continue;
  told = now;
  tell(at);
  if (stopped) break;
}
