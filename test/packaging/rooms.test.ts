/** The dependency rules of src refuse what they are meant to refuse: a small tree with one wrong import for each. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { root } from './built.js';

const wrong = [
  ['io/npy.ts', '../cli/find.js', 'io-looks-back-only'],
  ['kernels/load.ts', '../weights/power.js', 'kernels-looks-back-only'],
  ['weights/power.ts', '../scores/leverage.js', 'weights-looks-back-only'],
  ['scores/leverage.ts', '../universal-set/universal-set.js', 'scores-looks-back-only'],
  ['universal-set/universal-set.ts', '../attention/exact.js', 'universal-set-looks-back-only'],
  ['attention/exact.ts', '../vit/vit.js', 'attention-looks-back-only'],
  ['vit/vit.ts', '../cluster/partition.js', 'vit-looks-back-only'],
  ['cluster/partition.ts', '../index.js', 'cluster-looks-back-only'],
  ['keys.ts', './io/npy.js', 'foundation-imports-no-room'],
  ['utils/misc.ts', '../keys.js', 'every-folder-is-a-room-on-the-path'],
  ['io/file.ts', 'node:fs', 'library-has-no-dependency'],
  ['scores/svd.ts', 'commander', 'library-has-no-dependency'],
  ['scores/absent.ts', 'not-installed', 'library-has-no-dependency'],
  ['scores/loop.ts', './loop.js', 'no-circular'],
  ['weights/huber.ts', '../keys.test.js', 'sources-import-no-test'],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'levattention-rooms-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  for (const file of ['tsconfig.json', '.dependency-cruiser.cjs', 'package.json', 'node_modules'])
    symlinkSync(join(root, file), join(folder, file));
});

/** Lays out a src folder of modules, each with what it imports, and returns the rules that it breaks as 'module: rule'. */
function broken(modules: Readonly<Record<string, readonly string[]>>): string[] {
  rmSync(join(folder, 'src'), { recursive: true, force: true });
  for (const [module, targets] of Object.entries(modules)) {
    const file = join(folder, 'src', module);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${targets.map((target) => `import '${target}';\n`).join('')}export const it = 1;\n`);
  }
  const depcruise = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const { stdout, stderr } = spawnSync(process.execPath, [depcruise, 'src', '--output-type', 'json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (!stdout) throw new Error(stderr);
  const violations: { from: string; rule: { name: string } }[] = JSON.parse(stdout).summary.violations;
  return violations.map(({ from, rule }) => `${from.replace('src/', '')}: ${rule.name}`);
}

test('imports along the path are fine', () => {
  const modules = {
    'keys.ts': [],
    'io/npy.ts': ['../keys.js'],
    'kernels/load.ts': ['../keys.js'],
    'universal-set/universal-set.ts': ['../kernels/load.js'],
    'index.ts': ['./universal-set/universal-set.js'],
    'cli/find.ts': ['../index.js', '../io/npy.js', 'commander', 'node:fs'],
    'keys.test.ts': ['./keys.js', 'vitest'],
  };
  expect(broken(modules)).toEqual([]);
});

test('each wrong import breaks its rule', () => {
  const modules: Record<string, string[]> = {};
  for (const [module, target] of wrong) {
    modules[module] = [...(modules[module] ?? []), target];
    if (target.startsWith('.')) modules[join(dirname(module), target).replace(/js$/, 'ts')] ??= [];
  }
  expect(broken(modules)).toEqual(
    expect.arrayContaining(wrong.map(([module, , rule]) => `${module}: ${rule}`)),
  );
});
