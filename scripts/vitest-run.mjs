// Runs tests of vitest, and counts them by its report.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @param {string} title @param {string} command */
export function succeeds(title, command) {
  console.log(`\n=== ${title}: ${command} (after ${Math.round(process.uptime())} s)\n`);
  return spawnSync(command, { shell: true, stdio: 'inherit' }).status === 0;
}

/** @param {string} options */
export function tests(options = '') {
  const folder = mkdtempSync(join(tmpdir(), 'levattention-test-'));
  const path = join(folder, 'report.json');
  const good = succeeds(
    'tests',
    `npx vitest run ${options} --reporter=default --reporter=json --outputFile.json="${path}"`,
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

/** @param {{ passed: number, failed: number, skipped?: number }} counts */
export function lastLine({ passed, failed, skipped = 0 }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
