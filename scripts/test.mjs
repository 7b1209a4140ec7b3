// Runs every check in order: each of the project's own verbs counts as one, then each test of vitest. The last line is "N passed, M failed".
import { lastLine, succeeds, tests } from './vitest-run.mjs';

/** @type {string[]} */
const passed = [];
/** @type {string[]} */
const failed = [];

/** @param {string} verb */
function check(verb) {
  (succeeds(verb, `npm run --silent ${verb}`) ? passed : failed).push(verb);
}

check('build');
if (failed.length > 0) {
  // Nothing else can be judged without the kernels and the built package.
  console.log(`\nfailed: build\n0 passed, 1 failed`);
  process.exit(1);
}
for (const verb of ['types', 'lint', 'docs']) check(verb);
const counts = tests();
const sum = { passed: passed.length + counts.passed, failed: failed.length + counts.failed };
if (counts.failed > 0) failed.push(`${counts.failed} of the tests`);
console.log(
  `\n=== done after ${Math.round(process.uptime())} s${failed.length > 0 ? `, failed: ${failed.join(', ')}` : ''}\n`,
);
console.log(lastLine({ ...sum, skipped: counts.skipped }));
process.exitCode = sum.failed > 0 ? 1 : 0;
