// Runs every check in order: each of the project's own verbs counts as one, then each test of vitest. The last line is "N passed, M failed".
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const started = performance.now();
const seconds = () => `${Math.round((performance.now() - started) / 1000)} s`;
/** @type {string[]} */
const passed = [];
/** @type {string[]} */
const failed = [];

/** @param {string} title @param {string} command */
function succeeds(title, command) {
  console.log(`\n=== ${title}: ${command} (after ${seconds()})\n`);
  return spawnSync(command, { shell: true, stdio: 'inherit' }).status === 0;
}

/** @param {string} verb */
function check(verb) {
  (succeeds(verb, `npm run --silent ${verb}`) ? passed : failed).push(verb);
}

function tests() {
  const folder = mkdtempSync(join(tmpdir(), 'levattention-test-'));
  const path = join(folder, 'report.json');
  const good = succeeds(
    'tests',
    `npx vitest run --reporter=default --reporter=json --outputFile.json="${path}"`,
  );
  const counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(path, 'utf8'),
    );
    // A file that does not load fails without any test of its own.
    const unloaded = testResults.filter(
      (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
        file.status === 'failed' && file.assertionResults.length === 0,
    );
    counts.passed = numPassedTests;
    counts.failed = numFailedTests + unloaded.length;
    counts.skipped = numPendingTests + numTodoTests;
  } catch (error) {
    console.error(`vitest left no report: ${error}`);
  }
  // What fails outside of any test, such as an unhandled rejection, or a run without tests.
  if (counts.failed === 0 && (!good || counts.passed === 0)) counts.failed = 1;
  rmSync(folder, { recursive: true, force: true });
  return counts;
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
console.log(`\n=== done after ${seconds()}${failed.length > 0 ? `, failed: ${failed.join(', ')}` : ''}\n`);
console.log(
  `${sum.passed} passed, ${sum.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
);
process.exitCode = sum.failed > 0 ? 1 : 0;
