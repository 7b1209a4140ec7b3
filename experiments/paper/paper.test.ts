/** The experiments from end to end on tiny models and digits: every run, killed and resumed ones, the report. */
import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, vi } from 'vitest';
import { makeArtefacts } from './artefact.js';
import { experimentsOf } from './experiments.js';
import { Place } from './place.js';
import { drawPlanted } from './planted.js';
import { writeReport } from './report/render.js';
import type { Section } from './report/section.js';
import { estimate } from './report/statistics.js';
import type { Run } from './run.js';
import { missingOf, runAll } from './schedule.js';
import { paper, smoke } from './settings.js';
import { againLines, Lines } from './teller.js';

// The machine may be doing much else.
vi.setConfig({ testTimeout: 600_000 });

const folder = mkdtempSync(join(tmpdir(), 'levattention-paper-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const runs = experimentsOf(smoke).flatMap((each) => each.runs);
const named = (name: string) => runs.find((run) => run.name === name)!;
const placeOf = (name: string) =>
  new Place(join(folder, name, 'results'), join(folder, name), smoke.saveEvery);
const place = placeOf('whole');
const quietly = { started: () => {}, reported: () => {}, ended: () => {} };

/** Does runs in this process; some fail, if it says so. */
async function work(
  asked: readonly Run[],
  at: Place,
  fails: (run: Run) => boolean = () => false,
): Promise<Run[]> {
  const execute = (run: Run) => (fails(run) ? Promise.reject(new Error('stopped')) : at.execute(run));
  return runAll(await missingOf(asked, at), at, execute, 2, quietly);
}

it('does every run, those after others that read their models, and reports', async () => {
  const failed = await work(runs, place, ({ name }) => name === 'training-softmax-17-seed1');
  // What reads the model that is not there is left, and nothing else.
  expect(failed.map(({ name }) => name).filter((name) => !/softmax-17-seed1/.test(name))).toEqual([
    'stability-softmax',
  ]);
  expect(failed.length).toBe(6);
  await writeReport(smoke, runs, place, join(folder, 'part'));
  expect(readFileSync(join(folder, 'part/paper.md'), 'utf8')).toMatch(/Of \d+ runs 6 are still to be done/);

  expect(await work(runs, place)).toEqual([]);
  expect(await missingOf(runs, place)).toEqual([]);
  await writeReport(smoke, runs, place, join(folder, 'report'));
  const text = readFileSync(join(folder, 'report/paper.md'), 'utf8');
  expect(text).toContain('All runs are done.');
  expect(text).not.toMatch(/NaN|undefined|Infinity|runs are missing/);
  const sections: Section[] = JSON.parse(readFileSync(join(folder, 'report/paper.json'), 'utf8'));
  expect(sections.length).toBe(6);
  const pictures = readdirSync(join(folder, 'report')).filter((name) => name.endsWith('.svg'));
  expect(pictures.length).toBe(6);
  for (const name of pictures)
    expect(readFileSync(join(folder, 'report', name), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
});

it.each([
  'training-random8-17-seed0',
  'swap-long-softmax-leverage',
  'structure-long-softmax',
  'training-leverage8-17-seed0',
  'planted-n128',
])('goes on where it stopped to the same result: %s', async (name) => {
  const run = named(name);
  // The models that it reads are those of the whole; what it keeps on the way is its own.
  const results = mkdtempSync(join(folder, 'stopped-'));
  cpSync(place.results, results, { recursive: true });
  for (const file of [`${name}.json`, ...(run.leaves ?? []).map(({ file }) => file)])
    rmSync(join(results, file));
  const stopped = new Place(results, place.cache, smoke.saveEvery, ({ done, total }) => {
    if (done < total / 2) return;
    throw new Error('stopped');
  });
  rmSync(place.path(run, '.'), { recursive: true });
  await expect(stopped.execute(run)).rejects.toThrow('stopped');
  expect(stopped.result(run)).toBeUndefined();
  const shares: number[] = [];
  const resumed = new Place(stopped.results, place.cache, smoke.saveEvery, ({ done, total }) =>
    shares.push(done / total),
  );
  // What was done before is there: the training goes on after its checkpoint, parts of other results are kept.
  if (!run.name.startsWith('training')) expect(existsSync(place.path(run, 'parts.json'))).toBe(true);
  await resumed.execute(run);
  if (run.name.startsWith('training')) expect(shares[0]).toBeGreaterThanOrEqual(0.5);
  expect(resumed.result(run)!.result).toEqual(place.result(run)!.result);
  for (const artefact of run.leaves ?? [])
    expect(await artefact.read(resumed)).toEqual(await artefact.read(place));
});

it('ends with the same weights after a kill, on processes that leave nothing at work', async () => {
  const run = named('long-leverage8');
  const command = [
    '--import',
    'tsx',
    fileURLToPath(new URL('index.ts', import.meta.url)),
    '--smoke',
    run.name,
  ];
  const start = (study: string) =>
    spawn(process.execPath, command, {
      env: { ...process.env, LEVATTENTION_STUDY: study },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
  const study = join(folder, 'killed');
  const killed = placeOf('killed/smoke');
  const first = start(study);
  const closed = new Promise((resolve) => first.on('close', resolve));
  while (!existsSync(killed.path(run, 'checkpoint.safetensors'))) await sleep(5);
  first.kill('SIGKILL');
  // Its standard error is closed when the process that it started has ended as well.
  await closed;
  const second = start(study);
  let said = '';
  second.stderr.on('data', (data) => (said += data));
  expect(await new Promise((resolve) => second.on('close', resolve)), said).toBe(0);
  expect(said).toMatch(/[01] runs are missing/);
  expect(killed.result(run)!.result).toEqual(place.result(run)!.result);
  const weights = ({ results }: Place) => readFileSync(join(results, `${run.name}.safetensors`));
  expect(weights(killed)).toEqual(weights(place));
});

it('lets one process at a time work on a run', () => {
  const [run] = runs;
  const other = placeOf('locks');
  expect([other.lock(run), other.lock(run)]).toEqual([true, false]);
  other.unlock(run);
  expect(other.lock(run)).toBe(true);
  // Of a process that is gone, and of one that has been silent for long.
  const path = other.path(run, 'lock');
  writeFileSync(path, '4194305');
  expect([other.lock(run), other.lock(run)]).toEqual([true, false]);
  utimesSync(path, 0, 0);
  expect(other.lock(run)).toBe(true);
  // Nobody opens the lock of another, and nothing is left where it was.
  writeFileSync(path, String(process.ppid));
  other.unlock(run);
  expect(other.lock(run)).toBe(false);
  expect(readdirSync(join(path, '..'))).toEqual(['lock']);
});

it('does not do again what another command has finished meanwhile', async () => {
  const at = elsewhere('meanwhile');
  const [first, second] = ['planted-n128', 'training-random8-17-seed1'].map(named);
  const files = [first, second].map(({ name }) => join(at.results, `${name}.json`));
  for (const file of files) rmSync(file);
  const missing = await missingOf([first, second], at);
  expect(missing).toEqual([first, second]);
  const done: Run[] = [];
  const execute = async (run: Run) => {
    done.push(run);
    // As the other command writes it while this one is at work on the first.
    for (const file of files) cpSync(file.replace(at.results, place.results), file);
  };
  expect(await runAll(missing, at, execute, 1, quietly)).toEqual([]);
  expect(done).toEqual([first]);
});

it('tells the time left from the runs that it did itself', () => {
  const lines: string[] = [];
  const [theirs, own] = runs.map((run): Run => ({ ...run, seconds: 100 }));
  const teller = new Lines([theirs, own], 1, (line) => lines.push(line));
  teller.ended(theirs);
  teller.started(own);
  teller.reported(own, { done: 0, total: 10 });
  const now = performance.now();
  vi.spyOn(performance, 'now').mockReturnValue(now + 3_600_000);
  teller.reported(own, { done: 5, total: 10 });
  vi.restoreAllMocks();
  expect(lines.at(-1)).toMatch(/: 5 of 10; about 1 h [01] min left$/);
});

it('plants keys that are there, and estimates with standard errors', () => {
  const { keys, planted } = drawPlanted('all directions', 50, 5, 0.1, 3);
  const long = Array.from({ length: 50 }, (_, j) => j).filter(
    (j) => Math.hypot(...keys.subarray(64 * j, 64 * j + 64)) > 0.5,
  );
  expect(long).toEqual(planted);
  expect(estimate([1, 2, 3])).toEqual({ mean: 2, error: Math.sqrt(1 / 3), count: 3 });
});

/** A place with the results of the whole and an empty cache. */
function elsewhere(name: string): Place {
  const at = placeOf(name);
  cpSync(place.results, at.results, { recursive: true });
  return at;
}

const readers = [
  'swap-training-softmax-17-seed0-leverage',
  'structure-training-softmax-37-seed0',
  'stability-leverage8',
];

it('needs nothing but the results to go on anywhere, and reads nothing that is not left', async () => {
  const at = elsewhere('elsewhere');
  for (const name of readers) rmSync(join(at.results, `${name}.json`));
  const missing = await missingOf(runs, at);
  expect(missing.map(({ name }) => name).sort()).toEqual([...readers].sort());
  expect(await work(runs, at)).toEqual([]);
  for (const name of readers)
    expect(at.result(named(name))!.result).toEqual(place.result(named(name))!.result);
  for (const { file, run } of runs.flatMap(({ reads }) => reads))
    expect((run.leaves ?? []).map((artefact) => artefact.file)).toContain(file);
});

it('does a run again whose configuration is another one, and models whose weights are wanted and gone', async () => {
  const at = elsewhere('again');
  const [model, other] = ['training-softmax-17-seed0', 'training-softmax-17-seed1'].map(named);
  const changed = (name: string) => {
    const reader = named(name);
    return { ...reader, config: { ...reader.config, images: 9 } };
  };
  const swapped = changed('swap-training-softmax-17-seed0-leverage');
  const compared = changed('stability-softmax');
  const weights = join(at.results, `${model.name}.safetensors`);
  const keys = join(at.results, `${model.name}.keys.json`);
  expect(await missingOf([model, swapped, compared], at)).toEqual([swapped, compared]);
  const bytes = readFileSync(weights);
  for (const wrong of [
    bytes.subarray(0, 5000),
    readFileSync(join(at.results, `${other.name}.safetensors`)),
  ]) {
    writeFileSync(weights, wrong);
    expect(await missingOf([model, swapped, compared], at)).toEqual([model, swapped, compared]);
    expect(await missingOf([model, compared], at)).toEqual([compared]);
  }
  writeFileSync(weights, bytes);
  const text = readFileSync(keys, 'utf8');
  for (const wrong of [
    text.slice(0, -9),
    text.replace(/"[^"]*"\]/, '"AA=="]'),
    text.replace('"run":"', '"run":"x'),
  ]) {
    expect(wrong).not.toBe(text);
    writeFileSync(keys, wrong);
    expect(await missingOf([model, compared, swapped], at)).toEqual([model, compared, swapped]);
    const [line] = againLines([model, compared], at);
    expect(line).toMatch(
      /^training-softmax-17-seed0: its result is there, but not .*keys.json, which stability-softmax reads/,
    );
    expect(againLines([model], at)).toEqual([]);
  }
  rmSync(weights);
  // Done again, it leaves what it left.
  expect(await work([compared, swapped], at)).toEqual([]);
  expect([readFileSync(weights), readFileSync(keys, 'utf8')]).toEqual([bytes, text]);
});

it('does again what is damaged, in one line where it cannot', async () => {
  const at = elsewhere('damaged');
  const [model, reader] = ['training-random8-17-seed0', 'swap-long-softmax-stride'].map(named);
  for (const text of ['{"name":"pl', 'null', '5', '{}', '{"config":{}}', '']) {
    writeFileSync(join(at.results, `${model.name}.json`), text);
    expect(at.result(model)).toBeUndefined();
  }
  const damage: [Run, string, string | Uint8Array][] = [
    [
      model,
      'checkpoint.safetensors',
      readFileSync(place.path(model, 'checkpoint.safetensors')).subarray(0, 9000),
    ],
    // Of processes whose work is of no use: they do not count.
    [model, 'seconds.json', '100000'],
    [reader, 'parts.json', '{"softmax":'],
    [reader, 'seconds.json', 'null'],
  ];
  for (const [run, file, content] of damage) {
    mkdirSync(at.path(run, '.'), { recursive: true });
    writeFileSync(at.path(run, file), content);
    rmSync(join(at.results, `${run.name}.json`), { force: true });
  }
  // What a process that was killed while it wrote has left beside a result does not stay.
  const left = spawnSync(process.execPath, [
    '--import',
    'tsx',
    '--eval',
    `import { writeWhole } from ${JSON.stringify(fileURLToPath(new URL('../cache.ts', import.meta.url)))};
     import fs from 'node:fs';
     import { syncBuiltinESMExports } from 'node:module';
     fs.renameSync = () => process.kill(process.pid, 'SIGKILL');
     syncBuiltinESMExports();
     writeWhole(${JSON.stringify(join(at.results, `${model.name}.json`))}, 'x');`,
  ]);
  expect(left.signal).toBe('SIGKILL');
  const beside = () => readdirSync(at.results).filter((name) => !/^[a-z].*(json|safetensors)$/.test(name));
  expect(beside()).toHaveLength(1);
  expect(await work([model, reader], at)).toEqual([]);
  for (const run of [model, reader]) expect(at.result(run)!.result).toEqual(place.result(run)!.result);
  expect(at.result(model)!.seconds).toBeLessThan(1000);
  expect(beside()).toEqual([]);
  // Without a folder to write to.
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('index.ts', import.meta.url)), '--smoke', 'planted'],
    { env: { ...process.env, LEVATTENTION_STUDY: file }, encoding: 'utf8' },
  );
  expect([status, stderr.split('\n').at(-2)]).toEqual([1, expect.stringMatching(/^paper: ENOTDIR: /)]);
});

it('needs no images where the cache has nothing of a run', async () => {
  vi.stubEnv('LEVATTENTION_FASHION_MNIST', join(folder, 'nowhere'));
  const [run] = experimentsOf(paper)[1].runs;
  expect(await makeArtefacts(run, placeOf('imageless'))).toEqual(run.leaves);
  vi.unstubAllEnvs();
});

it('takes from the cache what a finished run has not left, and trains anew where looks are gone', async () => {
  const at = new Place(join(folder, 'taken'), place.cache, smoke.saveEvery);
  cpSync(place.results, at.results, { recursive: true });
  const model = named('training-softmax-17-seed2');
  const files = model.leaves!.map(({ file }) => join(at.results, file));
  const before = files.map((file) => readFileSync(file));
  for (const file of files) rmSync(file);
  expect(await makeArtefacts(model, at)).toEqual([]);
  expect(files.map((file) => readFileSync(file))).toEqual(before);
  // A training leaves its own, whatever lay there: another last byte of the weights, another first bit of the keys.
  const [weights, keys] = before.map((bytes) => Buffer.from(bytes));
  weights[weights.length - 1] ^= 1;
  const bit = keys.indexOf('"looks":["') + '"looks":["'.length;
  keys[bit] = keys[bit] === 65 ? 66 : 65;
  for (const [i, bytes] of [weights, keys].entries()) writeFileSync(files[i], bytes);
  for (const artefact of model.leaves!) expect(await artefact.read(at)).toBeDefined();
  await at.execute(model);
  expect(files.map((file) => readFileSync(file))).toEqual(before);
  // The weights of the end are in the checkpoint; the looks before it can only be trained again.
  for (const file of files) rmSync(file);
  const looks = readdirSync(place.path(model, '.')).filter((name) => name.startsWith('step-'));
  expect(looks).toHaveLength(2);
  rmSync(place.path(model, looks[0]));
  const failed = await makeArtefacts(model, at);
  expect(failed.map(({ file }) => file)).toEqual([`${model.name}.keys.json`]);
  await at.execute(model);
  expect(files.map((file) => readFileSync(file))).toEqual(before);
});
