/** The package as npm would publish it: checked, installed into an empty project without a network, used from JavaScript, TypeScript and a shell. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { built, root } from './built.js';

const folder = mkdtempSync(join(tmpdir(), 'levattention-package-'));
const project = join(folder, 'project');
const installed = join(project, 'node_modules/levattention');
let tarball: string;

/** Runs a program to its end, without what npm tells the processes that it starts itself. */
function run(command: string, args: readonly string[], cwd: string) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' });
  if (error) throw error;
  return { status, stdout, stderr };
}

/** The same, for a program that must succeed: what it wrote to stdout. */
function output(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = run(command, args, cwd);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}

const tool = (name: string) => join(root, 'node_modules/.bin', name);

beforeAll(() => {
  for (const file of ['index.js', 'io.js', 'worker.js', 'cli.js']) built(file);
  output('npm', ['pack', '--pack-destination', folder], root);
  tarball = join(folder, readdirSync(folder).find((file) => file.endsWith('.tgz')) as string);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
  output('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], project);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tarball', () => {
  test('passes publint without a message', () => {
    expect(output(tool('publint'), ['run', tarball, '--strict'], folder)).toContain('All good!');
  });

  test('resolves to the right types under every mode of ES modules', () => {
    // Any problem ends it with an error.
    const report = output(tool('attw'), [tarball, '--profile', 'esm-only', '--format', 'json'], folder);
    expect(Object.keys(JSON.parse(report).analysis.entrypoints)).toEqual([
      '.',
      './io',
      './worker',
      './package.json',
    ]);
  });

  test('holds the built files, the data of the demo, the pictures and the documents, nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
    expect(
      files
        .filter((file) => !/^(dist\/|examples\/data\/|examples\/clothes\/[a-z-]+\.png$)/.test(file))
        .sort(),
    ).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'bench/GROWTH.md',
      'bench/RESULTS.md',
      'docs/algorithms.md',
      'docs/cluster.md',
      'docs/growth.svg',
      'docs/universal-sets-dark.svg',
      'docs/universal-sets-light.svg',
      'examples/README.md',
      'package.json',
    ]);
    expect(files.filter((file) => /^examples\/data\/.*\.safetensors$/.test(file))).not.toEqual([]);
  });

  test('holds every file that its README links and its declarations cite', () => {
    const text = (file: string) => readFileSync(join(installed, file), 'utf8');
    const readme = text('README.md');
    const linked = [
      ...[...readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, target]) => target),
      ...[...readme.matchAll(/(?:src|srcset)="([^"]+)"/g)].map(([, target]) => target),
    ].filter((target) => !/^https?:/.test(target));
    const cited = readdirSync(join(installed, 'dist'))
      .filter((file) => file.endsWith('.d.ts'))
      .flatMap((file) => text(`dist/${file}`).match(/\b(?:docs|bench|examples)\/[\w/.-]*\w/g) ?? []);
    expect(linked.length).toBeGreaterThan(3);
    expect(cited).toContain('docs/algorithms.md');
    expect([...linked, ...cited].filter((file) => !existsSync(join(installed, file)))).toEqual([]);
  });

  test('is at most two megabytes', () => expect(statSync(tarball).size).toBeLessThan(2_000_000));

  test('brings no other package along', () => {
    expect(readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
      'levattention',
    ]);
  });
});

// Two keys along the first axis and one alone along the second: leverage scores 1/2, 1/2 and 1.
const script = `
const keys = { data: new Float32Array([1, 0, 1, 0, 0, 1]), shape: [3, 2] };
const set = universalSet(keys, { epsilon: 0.75 });
`;

test('plain JavaScript imports it', () => {
  const code = `import { universalSet } from 'levattention';
import * as io from 'levattention/io';
${script}
console.log(JSON.stringify({ indices: set.indices, guarantee: set.guarantee, io: Object.keys(io).length > 0 }));`;
  writeFileSync(join(project, 'plain.js'), code);
  expect(JSON.parse(output(process.execPath, ['plain.js'], project))).toEqual({
    indices: [2],
    guarantee: 'minimal',
    io: true,
  });
});

// Leverage scores of two directions: each row has its share of one of them.
const threaded = `
const n = 10_000;
const data = Float32Array.from({ length: 2 * n }, (_, i) => (i % 4 === 0 || i % 4 === 3 ? 1 : 0));
const { scores, rank } = await leverageScoresAsync({ data, shape: [n, 2] }, { threads: 2 });
`;

test('plain JavaScript has its workers, and they do not keep it alive', () => {
  // Idle workers are never ended here: were the process waiting for them, the last timer would tell.
  const code = `import { leverageScores, leverageScoresAsync } from 'levattention';
const later = globalThis.setTimeout;
globalThis.setTimeout = (call, ms) => (ms >= 1000 ? { unref() {} } : later(call, ms));
later(() => process.exit(9), 10_000).unref();
${threaded}
const same = Buffer.from(scores.buffer).equals(Buffer.from(leverageScores({ data, shape: [n, 2] }).scores.buffer));
console.log(JSON.stringify({ rank, same }));`;
  writeFileSync(join(project, 'threads.js'), code);
  expect(JSON.parse(output(process.execPath, ['threads.js'], project))).toEqual({ rank: 2, same: true });
});

test('a bundler needs the worker as a second entry, and a bundle without it says so', async () => {
  const code = `import { leverageScoresAsync } from 'levattention';
${threaded}
console.log(rank);`;
  writeFileSync(join(project, 'application.js'), code);
  const outdir = join(project, 'bundled');
  const options = {
    bundle: true,
    format: 'esm',
    outdir,
    absWorkingDir: project,
    logLevel: 'silent',
  } as const;
  const application = join(project, 'application.js');
  await build({ ...options, entryPoints: { application } });
  const alone = run(process.execPath, ['bundled/application.js'], project);
  expect(alone.stderr).toMatch(
    /^Error: leverageScoresAsync: a worker failed: Cannot find module '.*worker\.js'/m,
  );
  await build({ ...options, entryPoints: { application, worker: 'levattention/worker' } });
  expect(output(process.execPath, ['bundled/application.js'], project)).toBe('2\n');
});

test.each([
  'nodenext',
  'bundler',
])('TypeScript compiles against it with moduleResolution %s', (moduleResolution) => {
  const code = `import { universalSet, type UniversalSet } from 'levattention';
import * as io from 'levattention/io';
${script}
export const one: UniversalSet = 'heads' in set ? set.heads[0] : set;
// @ts-expect-error: the types are not any
export const two: string = one.indices;
export const three: object = io;
`;
  writeFileSync(join(project, 'typed.ts'), code);
  const options = {
    ...{ module: moduleResolution === 'bundler' ? 'esnext' : 'nodenext', moduleResolution },
    ...{ strict: true, skipLibCheck: false, noEmit: true, target: 'es2022', types: [] },
  };
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['typed.ts'] }),
  );
  expect(output(tool('tsc'), ['-p', '.'], project)).toBe('');
});

/** A NumPy file, version 1.0, of float32 numbers in C order. */
function npy(shape: readonly number[], data: Float32Array): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117);
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
  return Buffer.concat([start, Buffer.from(`${header}\n`), Buffer.from(data.buffer)]);
}

describe('the installed command', () => {
  const command = () => join(project, 'node_modules/.bin/levattention');

  test('tells what it does', () => {
    const help = output(command(), ['--help'], project);
    for (const name of ['find', 'heavy', 'attend', 'report', 'demo'])
      expect(help).toMatch(new RegExp(`^ +${name}\\b`, 'm'));
  });

  test('finds the keys of a small file', () => {
    writeFileSync(join(project, 'keys.npy'), npy([3, 2], new Float32Array([1, 0, 1, 0, 0, 1])));
    const found = JSON.parse(output(command(), ['find', 'keys.npy', '--epsilon', '0.75', '--json'], project));
    expect(found).toMatchObject({ n: 3, d: 2, rank: 2, indices: [2], guarantee: 'minimal', total: 2 });
  });

  test('tells its version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(output(command(), ['--version'], project).trim()).toBe(version);
  });

  test('refuses a file that is not there in one line', () => {
    const { status, stdout, stderr } = run(command(), ['find', 'absent.npy', '--epsilon', '0.5'], project);
    expect({ failed: status !== 0, stdout, lines: stderr.trim().split('\n').length }).toEqual({
      failed: true,
      stdout: '',
      lines: 1,
    });
    expect(stderr).toContain('absent.npy');
  });

  test('runs the demo on the data in the package', () => {
    expect(output(command(), ['demo'], project)).not.toBe('');
  });
});
