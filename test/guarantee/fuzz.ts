/** The checks without end: npx tsx test/guarantee/fuzz.ts [seconds = 60] [first seed = now] [check]. */
import { seeded } from '../oracle/random.js';
import { checks } from './checks.js';

const seconds = Number(process.argv[2] ?? 60);
const first = Number(process.argv[3] ?? Date.now() % 1e9);
const chosen = checks.filter(({ name }) => !process.argv[4] || name === process.argv[4]);
const end = performance.now() + 1000 * seconds;
let cases = 0;
let failures = 0;
for (let seed = first; performance.now() < end; seed++)
  for (const { name, check } of chosen) {
    cases++;
    try {
      check(seeded(seed));
    } catch (error) {
      failures++;
      console.log(`${name}, seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
console.log(`${cases} cases from seed ${first}, ${failures} failures`);
process.exitCode = failures > 0 ? 1 : 0;
