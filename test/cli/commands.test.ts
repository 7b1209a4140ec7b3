/** Each command does what its help says, with the numbers that the library gives. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compareAttention,
  exactAttention,
  heavyScores,
  keyLifetimes,
  levAttention,
  lpCoreset,
  parseWeight,
  universalSet,
} from '../../src/index.js';
import { openTensor, writeNpy } from '../../src/io/index.js';
import type { PerHead } from '../../src/keys.js';
import { built } from '../packaging/built.js';
import { inputs, interrupted, tensor, type Workplace, workplace } from './cli.js';

let place: Workplace;
beforeAll(() => {
  place = workplace();
});
afterAll(() => place?.remove());

async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await place.run(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function json(...args: string[]) {
  const { seconds, ...result } = JSON.parse(await output(...args, '--json'));
  expect(seconds).toBeGreaterThan(0);
  return result;
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

/** The result of a two-dimensional input. */
function bare<T extends object>(result: PerHead<T>): T {
  if ('heads' in result) throw new Error('one result, not one a head');
  return result;
}

async function written(file: string, name?: string) {
  return (await openTensor(readFileSync(place.path(file)), name)).read();
}

/** The numbers of a .npy of int64. */
function indicesOf(npy: Uint8Array): number[] {
  const buffer = Buffer.from(npy);
  expect(buffer.toString('latin1')).toContain("'<i8'");
  const body = buffer.subarray(10 + buffer.readUInt16LE(8));
  return Array.from({ length: body.length / 8 }, (_, i) => Number(body.readBigInt64LE(i * 8)));
}

test('help is shown by every spelling', async () => {
  const help = await output('find', '--help');
  expect(help).toContain('--epsilon <e>');
  expect(await output('find', '-h')).toBe(help);
  expect(await output('help', 'find')).toBe(help);
  expect(await output('help')).toBe(await output('--help'));
  expect((await output('-h')).replace(/\s+/g, ' ')).toContain('progress on stderr where that is a terminal');
});

describe('find', () => {
  test('prints the set as JSON with the documented fields', async () => {
    const result = await json('find', 'k.npy', '--epsilon', '0.1');
    expect(result).toEqual(plain(universalSet(inputs.k, { epsilon: 0.1 })));
    expect(Object.keys(result)).toEqual([
      ...['n', 'd', 'rank', 'f', 'epsilon', 'guarantee', 'scoreKind', 'margin', 'indices', 'scores'],
      ...['undecided', 'total', 'sizeBound', 'certificate'],
    ]);
  });

  test.each([
    [['--top', '7'], { top: 7 }],
    [['--epsilon', '0.1', '--f', 'huber:1.5'], { epsilon: 0.1, f: parseWeight('huber:1.5') }],
    [
      ['--epsilon', '0.1', '--f', 'power:3', '--exact'],
      { epsilon: 0.1, f: parseWeight('power:3'), exact: true },
    ],
    [['--epsilon', '0.1', '--centre'], { epsilon: 0.1, centre: true }],
  ])('%j', async (options, meant) => {
    expect(await json('find', 'k.npy', ...options)).toEqual(plain(universalSet(inputs.k, meant)));
  });

  test('prints each head of four dimensions', async () => {
    const result = await json('find', 'all.safetensors#k4', '--epsilon', '0.15');
    const set = plain(universalSet(inputs.k4, { epsilon: 0.15 }));
    expect(result).toEqual({ f: 'power:2', epsilon: 0.15, ...set });
    expect(result.heads).toHaveLength(4);
  });

  test.each([
    ['find', 'many.npy', '--epsilon', '0.01'],
    ['find', 'many.npy', '--top', '9', '--centre'],
    ['heavy', 'q.npy', 'many.npy', '--epsilon', '0.01'],
  ])('%s %s %s %s: the same on several threads', async (...args) => {
    place.write('many.npy', writeNpy(tensor([5000, 6], 8, 1201)));
    const expected = await json(...args);
    for (const threads of ['1', '2', '4'])
      expect(await json(...args, '--threads', threads)).toEqual(expected);
  });

  test('writes the indices of one set, and draws it', async () => {
    const text = await output('find', 'k.npy', '--epsilon', '0.1', '-o', 'set.npy', '--plot', 'set.svg');
    const { indices } = bare(universalSet(inputs.k, { epsilon: 0.1 }));
    expect(indicesOf(readFileSync(place.path('set.npy')))).toEqual(indices);
    expect(text).toContain(`${indices.length} of 120 keys can ever score 0.1 or more`);
    const svg = readFileSync(place.path('set.svg'), 'utf8');
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    expect(svg).toContain(`${indices.length} keys in the set`);
  });

  test('writes the indices of each head', async () => {
    await output('find', 'k4.npy', '--epsilon', '0.15', '-o', 'sets.npz', '--plot', 'sets.svg');
    const file = Buffer.from(readFileSync(place.path('sets.npz'))).toString('latin1');
    for (const name of ['batch0.head0', 'batch0.head1', 'batch1.head0', 'batch1.head1'])
      expect(file).toContain(`${name}.npy`);
  });

  test('says when there is nothing to find', async () => {
    expect(await output('find', 'k.npy', '--epsilon', '1')).toContain(
      'No key of 120 can ever score 1 or more',
    );
  });
});

describe('lifetimes', () => {
  test('prints them as JSON with the documented fields', async () => {
    const result = await json('lifetimes', 'k.npy', '--epsilon', '0.1');
    const { lastNeeded, alive, ...rest } = bare(keyLifetimes(inputs.k, { epsilon: 0.1 }));
    expect(result).toEqual({ ...rest, lastNeeded: [...lastNeeded], alive: [...alive] });
  });

  test('prints each head of four dimensions, and draws them', async () => {
    const text = await output('lifetimes', 'k4.npy', '--epsilon', '0.15', '--plot', 'lives.svg');
    const { heads } = keyLifetimes({ data: inputs.k4.data, shape: [2, 2, 60, 6] }, { epsilon: 0.15 });
    for (const { batch, head, peak } of heads)
      expect(text).toMatch(new RegExp(`^ *${batch} +${head} +${peak} `, 'm'));
    expect(readFileSync(place.path('lives.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    const { heads: printed } = await json('lifetimes', 'k4.npy', '--epsilon', '0.15');
    expect(printed.map((one: { peak: number }) => one.peak)).toEqual(heads.map(({ peak }) => peak));
  });

  test('says what a cache that drops keys holds', async () => {
    const { peak, sizeBound } = bare(keyLifetimes(inputs.k, { epsilon: 0.1 }));
    const text = await output('lifetimes', 'k.npy', '--epsilon', '0.1');
    expect(text).toContain(`at most ${peak} of 120 keys at a time`);
    expect(text).toContain(`theory allows ${Math.min(120, Math.floor(sizeBound))}`);
  });
});

describe('heavy', () => {
  test.each([
    ['q', 'k'],
    ['q4', 'k4'],
  ] as const)('lists every score of %s over %s', async (q, k) => {
    const result = await json('heavy', `${q}.npy`, `${k}.npy`, '--epsilon', '0.1', '--f', 'power:4');
    expect(result).toEqual(
      plain(heavyScores(inputs[q], inputs[k], { epsilon: 0.1, f: parseWeight('power:4') })),
    );
  });

  test('says how many there are, and shows the largest', async () => {
    const text = await output('heavy', 'q.npy', 'k.npy', '--epsilon', '0.1');
    const { scores } = bare(heavyScores(inputs.q, inputs.k, { epsilon: 0.1 }));
    expect(text).toContain(`${scores.length} scores of 3600 are 0.1 or more`);
    expect(text).toContain(String(Number(Math.max(...scores).toPrecision(4))));
  });
});

describe('heavy over a row sample', () => {
  const options = ['--epsilon', '0.1', '--f', 'power:1', '--coreset-eta', '0.9', '--seed', '4'];

  test.each([
    ['q', 'k'],
    ['q4', 'k4'],
  ] as const)('gives the intervals of %s over %s', async (q, k) => {
    const normaliser = lpCoreset(inputs[k], { p: 1, eta: 0.9, seed: 4 });
    expect(await json('heavy', `${q}.npy`, `${k}.npy`, ...options)).toEqual(
      plain(heavyScores(inputs[q], inputs[k], { epsilon: 0.1, f: parseWeight('power:1'), normaliser })),
    );
  });

  test('shows them', async () => {
    const text = await output('heavy', 'q.npy', 'k.npy', ...options);
    expect(text).toMatch(/possibly 0\.1 or more/);
    expect(text).toMatch(/query +key +score +from +to\n/);
  });
});

describe('coreset', () => {
  test.each([
    [['--power', '1.5', '--rows', '30', '--seed', '3'], { p: 1.5, rows: 30, seed: 3 }],
    [
      ['--power', '2', '--eta', '0.9', '--delta', '0.2', '--centre'],
      { p: 2, eta: 0.9, delta: 0.2, centre: true },
    ],
  ])('%j', async (options, meant) => {
    for (const k of ['k', 'k4'] as const)
      expect(await json('coreset', `${k}.npy`, ...options)).toEqual(plain(lpCoreset(inputs[k], meant)));
  });

  test('writes indices and weights, and says what they promise', async () => {
    const options = ['--power', '1', '--rows', '30', '-o', 'sample.safetensors'];
    const text = await output('coreset', 'k.npy', ...options);
    const { indices, weights } = bare(lpCoreset(inputs.k, { p: 1, rows: 30 }));
    expect((await written('sample.safetensors', 'weights')).data).toEqual(Float64Array.from(weights));
    expect(text).toContain(`${indices.length} of 120 rows kept, 30 expected (seed 0).`);
    expect(text).toContain('is not known');
    expect(await output('coreset', 'k.npy', '--power', '1', '--rows', '120')).toContain(
      'Every row that is not zero',
    );
    expect(await output('coreset', 'k4.npy', '--power', '1', '--rows', '9', '-o', 'samples.npz')).toContain(
      '4 heads of 60 rows each',
    );
    expect(readFileSync(place.path('samples.npz')).toString('latin1')).toContain('batch1.head0.indices.npy');
  });
});

describe('attend', () => {
  test('writes what levAttention gives', async () => {
    const options = ['--keys', '12', '--causal', '--select', 'random', '--seed', '5', '--always', '0,-1'];
    const result = await json('attend', 'q4.npy', 'k4.npy', 'v4.npy', ...options, '-o', 'out.safetensors');
    const meant = levAttention(inputs.q4, inputs.k4, inputs.v4, {
      ...{ keys: 12, mask: 'causal', select: 'random', seed: 5, always: [0, 59] },
    });
    expect(await written('out.safetensors', 'out')).toEqual({ data: meant.out.data, shape: [2, 4, 20, 5] });
    expect(result.heads).toEqual(plain(meant.heads));
    expect(result).toMatchObject({ select: 'random', weights: 'softmax', causal: true, keys: 12 });
  });

  test('takes masks, log-weights and threads', async () => {
    const mask = Uint8Array.from({ length: 20 * 60 }, (_, at) => (at * at) % 3);
    const visible = writeNpy({ data: Float32Array.from(mask), shape: [20, 60] });
    // The same bytes as truth values: a header of one byte an entry.
    const header = Buffer.from(visible.subarray(0, 128));
    header.write("'|b1'", header.indexOf("'<f4'"), 'latin1');
    place.write('mask.npy', Buffer.concat([header, Buffer.from(mask)]));
    const logWeights = tensor([2, 1, 60], 3);
    place.write('weights.npy', writeNpy(logWeights));
    const options = [
      '--keys',
      '12',
      '--attn-mask',
      'mask.npy',
      '--log-weights',
      'weights.npy',
      '--threads',
      '2',
    ];
    const result = await json(
      'attend',
      'q4.npy',
      'k4.npy',
      'v4.npy',
      ...options,
      '--compare',
      '-o',
      'out.npy',
    );
    const attnMask = { data: mask, shape: [20, 60] };
    const meant = levAttention(inputs.q4, inputs.k4, inputs.v4, { keys: 12, attnMask, logWeights });
    expect(await written('out.npy')).toEqual({ data: meant.out.data, shape: [2, 4, 20, 5] });
    const [comparison] = compareAttention(inputs.q4, inputs.k4, inputs.v4, [meant], { attnMask, logWeights });
    expect(result.comparison).toEqual(plain(comparison));
  });

  test('takes a mask of the keys, log-weights and powers beside a tail', async () => {
    const attnMask = tensor([2, 1, 1, 60], 5);
    attnMask.data.fill(Number.NEGATIVE_INFINITY, 50, 60);
    const logWeights = tensor([60], 3);
    place.write('mask.npy', writeNpy(attnMask));
    place.write('weights.npy', writeNpy(logWeights));
    const files = ['--attn-mask', 'mask.npy', '--log-weights', 'weights.npy'];
    for (const [tail, weights] of [
      ['clusters', 'softmax'],
      ['moments', 'softmax'],
      ['mean', 'power:3'],
      ['clusters', 'power:3'],
    ]) {
      const options = ['--keys', '12', '--tail', tail, '--weights', weights, '-o', 'out.npy', '--compare'];
      const result = await json('attend', 'q4.npy', 'k4.npy', 'v4.npy', ...files, ...options);
      const meant = levAttention(inputs.q4, inputs.k4, inputs.v4, {
        ...{ keys: 12, tail, attnMask, logWeights },
        weights: weights === 'softmax' ? weights : 3,
      });
      expect(await written('out.npy')).toEqual({ data: meant.out.data, shape: [2, 4, 20, 5] });
      expect(result.heads[0].members.slice(50)).toEqual(new Array(10).fill(-1));
      expect(result.heads[1].signs).toEqual(
        weights === 'softmax' ? undefined : Array.from(meant.heads[1].stored!.signs!),
      );
      expect(result.comparison[0].error).toBeLessThan(1);
    }
  });

  test('over all keys is exact attention, which --compare confirms', async () => {
    const result = await json(
      'attend',
      'q.npy',
      'k.npy',
      'v.npy',
      '--keys',
      '120',
      '--compare',
      '-o',
      'out.npy',
    );
    const { data } = await written('out.npy');
    const exact = exactAttention(inputs.q, inputs.k, inputs.v).data;
    expect(Math.max(...data.map((x, i) => Math.abs(x - exact[i])))).toBeLessThan(1e-6);
    expect(result.comparison).toHaveLength(1);
    expect(result.comparison[0].error).toBeLessThan(1e-5);
    expect(result.comparison[0].mass).toBeCloseTo(1, 5);
  });

  test('keeps the universal set with --epsilon, under power weights too', async () => {
    const result = await json(
      'attend',
      'q.npy',
      'k.npy',
      'v.npy',
      '--epsilon',
      '0.1',
      '--weights',
      'power:2',
      '--compare',
    );
    const { indices } = bare(universalSet(inputs.k, { epsilon: 0.1 }));
    expect(result.heads[0].indices).toEqual(indices);
    expect(result.comparison[0].error).toBeGreaterThan(0.01);
  });

  test('says in words what it costs', async () => {
    const text = await output('attend', 'q4.npy', 'k4.npy', 'v4.npy', '--keys', '12', '--compare');
    expect(text).toMatch(/12 of 60 keys in each of 4 key heads, chosen by leverage/);
    expect(text).toMatch(/the output is off by \d+ %/);
    expect(text).toMatch(/ 1 +3 +\d\.\d+ +0\.\d+/);
  });

  test('accounts for the other keys with --tail, as the library does', async () => {
    const tail = 'clusters:exact=0.25,by=residual,metric=euclidean';
    const options = ['--keys', '12', '--seed', '5', '--tail', tail, '--compare'];
    const result = await json('attend', 'q4.npy', 'k4.npy', 'v4.npy', ...options, '-o', 'out.npz');
    const meant = levAttention(inputs.q4, inputs.k4, inputs.v4, { keys: 12, seed: 5, tail });
    expect((await written('out.npz', 'out')).data).toEqual(meant.out.data);
    expect(result.heads[1].members).toEqual(Array.from(meant.heads[1].stored!.members));
    expect(result.comparison[0].divergence).toBeGreaterThan(0);
    expect(result).toMatchObject({ select: 'leverage-centred', tail });
    const text = await output('attend', 'q4.npy', 'k4.npy', 'v4.npy', ...options);
    expect(text).toMatch(
      /over 12 pairs for 60 keys in each of 4 key heads, \d+( to \d+)? of them keys as they are/,
    );
    expect(text).toMatch(/the weights diverge by \d/);
    const moments = ['--keys', '12', '--tail', 'moments', '--compare'];
    const heads = levAttention(inputs.q4, inputs.k4, inputs.v4, { keys: 12, tail: 'moments' }).heads;
    expect(heads.some(({ stored }) => stored?.moments)).toBe(true);
    // The closed form counts as a pair.
    expect(await output('attend', 'q4.npy', 'k4.npy', 'v4.npy', ...moments)).toMatch(
      /over 12 pairs for 60 keys in each of 4 key heads, 11 of them keys as they are/,
    );
  });
});

test('report writes a page', async () => {
  const text = await output('report', 'q4.npy', 'k4.npy', 'v4.npy', '--epsilon', '0.15', '-o', 'report.html');
  expect(text).toContain('page about 4 heads written to report.html');
  const page = readFileSync(place.path('report.html'), 'utf8');
  expect(page).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  expect(page).toContain('q4.npy [2, 4, 20, 6]');
});

test('demo shows the set, its proof, the cost and a page, within a minute', async () => {
  const started = performance.now();
  const text = await output('demo');
  expect(performance.now() - started).toBeLessThan(60_000);
  expect(text).toContain('1. Which keys can ever be heavy (guaranteed)');
  expect(text).toMatch(
    /scores computed one by one: [1-9][\d,]* are 0\.03 or more,\n.* on keys of the set, 0 outside/,
  );
  const [, kept] = /kept +all [\d,]+ reach ([\d.]+) or more/.exec(text)!;
  const [, left] = /left out +none of [\d,]+ gets beyond ([\d.]+)/.exec(text)!;
  expect(Number(kept)).toBeGreaterThanOrEqual(0.03);
  expect(Number(left)).toBeLessThanOrEqual(0.03);
  expect(text).toContain('a heuristic: measured, not promised');
  const { size } = statSync(place.path('levattention-report.html'));
  expect(size).toBeGreaterThan(200_000);
  expect(size).toBeLessThan(3_000_000);
});

describe('help', () => {
  const commands = [
    ...['find', 'sketch', 'merge', 'finish', 'filter', 'heavy', 'coreset', 'lifetimes'],
    ...['attend', 'report', 'demo'],
  ];

  test.each(commands)('of %s has an example that names it', async (command) => {
    const text = await output(command, '--help');
    expect(text).toMatch(new RegExp(`Examples?:\n  levattention ${command} `));
  });

  test('of the program lists the commands and the exit codes, also without any argument', async () => {
    const text = await output('--help');
    for (const command of commands) expect(text).toContain(`  ${command} `);
    expect(text).toMatch(/Exit codes: 0 .* 1 .* 2 .* 130/s);
    expect(await output()).toBe(text);
  });

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await output('--version')).toBe(`${version}\n`);
  });
});

test.each([
  [[]],
  [['--threads', '2']],
])('an interrupt ends a long command in one line, and nothing is written: %j', async (threads) => {
  place.write('large.npy', writeNpy(tensor([20_000, 24], 9)));
  const before = place.files();
  const args = [
    ...['find', 'large.npy', '--epsilon', '0.001', '--f', 'power:4', '--exact'],
    ...['-o', 'set.npy', ...threads],
  ];
  expect(await interrupted(() => place.start(args))).toEqual({
    code: 130,
    stdout: '',
    stderr: 'levattention find: interrupted, nothing was written\n',
  });
  expect(place.files()).toEqual(before);
});

test('a file that standard output goes to is written to after what is in it, through a link too', async () => {
  symlinkSync('/dev/stdout', place.path('link.npy'));
  place.write('all', 'before');
  const file = openSync(place.path('all'), 'a');
  const child = spawn(
    process.execPath,
    [built('cli.js'), 'find', 'k.npy', '--epsilon', '0.1', '-o', 'link.npy'],
    {
      cwd: place.folder,
      stdio: ['ignore', file, 'inherit'],
    },
  );
  expect(await once(child, 'exit')).toEqual([0, null]);
  closeSync(file);
  const text = readFileSync(place.path('all'), 'latin1');
  expect(text).toMatch(/^before\x93NUMPY[\s\S]*indices written to link\.npy\n/);
});

test('a reader that has seen enough is no failure', async () => {
  const child = place.start(['find', 'k4.npy', '--epsilon', '0.001', '--json']);
  child.stdout!.destroy();
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
});

test('LEVATTENTION_STACK shows where an error comes from', async () => {
  const { stderr } = await place.run(['find', 'absent.npy', '--top', '1'], { LEVATTENTION_STACK: '1' });
  expect(stderr).toMatch(/no such file\n[\s\S]*at .*cli\.js/);
});
