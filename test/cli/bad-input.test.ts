/** What cannot be done is said in one line, with an exit code, and leaves no file behind. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { huber, power, UniversalSetSketch } from '../../src/index.js';
import { writeNpy, writeNpz, writeSafetensors } from '../../src/io/index.js';
import { inputs, tensor, type Workplace, workplace } from './cli.js';

let place: Workplace;
let before: string[];

beforeAll(() => {
  place = workplace();
  const npy = Buffer.from(readFileSync(place.path('k.npy')));
  const withEntry = (value: number, at: number, base = inputs.k) => {
    const data = Float32Array.from(base.data);
    data[at] = value;
    return writeNpy({ ...base, data });
  };
  const edited = (from: string, to: string) =>
    Buffer.from(npy.toString('latin1').replace(from, to), 'latin1');
  const files: Record<string, string | Uint8Array> = {
    'empty.npy': '',
    'text.npy': 'one, two, three\n',
    'truncated.npy': npy.subarray(0, npy.length - 100),
    'header.npy': npy.subarray(0, 40),
    'complex.npy': edited("'<f4'", "'<c8'"),
    'long.npy': edited("'<f4'", "'<f16'").subarray(0, npy.length),
    'none.npz': writeNpz({}),
    'pickled.npy': edited("'<f4'", "'|O' "),
    'negative.npy': edited('(120, 6)', '(-20, 6)'),
    'huge.npy': edited('(120, 6)', '(9e9, 6)'),
    'integers.npy': writeNpy({ data: BigInt64Array.of(1n, 2n), shape: [2, 1] }),
    'vector.npy': writeNpy({ data: Float32Array.of(1, 2), shape: [2] }),
    'three.npy': writeNpy(tensor([2, 3, 4], 1)),
    'none.npy': writeNpy({ data: new Float32Array(0), shape: [0, 4] }),
    'nan.npy': withEntry(Number.NaN, 7 * 6 + 4),
    'inf.npy': withEntry(Number.NEGATIVE_INFINITY, 119 * 6),
    'nan4.npy': withEntry(Number.NaN, (3 * 60 + 2) * 6 + 1, inputs.k4),
    'nanq.npy': withEntry(Number.NaN, 5, inputs.q),
    'nanv.npy': withEntry(Number.NaN, 5, inputs.v),
    'lower.npy': writeNpy({
      data: Float32Array.from({ length: 30 * 120 }, (_, at) => (at % 120 <= at / 120 ? 0 : -1)),
      shape: [30, 120],
    }),
    'nanmask.npy': writeNpy({ data: new Float32Array(120).fill(Number.NaN, 3), shape: [1, 120] }),
    'wide.npy': writeNpy(tensor([120, 7], 1)),
    'short.npy': writeNpy(tensor([119, 5], 1)),
    'longq.npy': writeNpy(tensor([121, 6], 1)),
    'one.npy': writeNpy(tensor([1, 6], 1)),
    'q3.npy': writeNpy(tensor([2, 3, 20, 6], 1)),
    'k1.npy': writeNpy(tensor([1, 2, 60, 6], 1)),
    'lengths.safetensors': Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 0x7b),
    'cut.safetensors': writeSafetensors(inputs).subarray(0, 3000),
    'json.safetensors': Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7b, 0x7b),
    'flipped.npz': flipped(writeNpz({ k: inputs.k })),
    'k.lev': sketchOf(inputs.k, 0.1),
    'v.lev': sketchOf(inputs.v, 0.1),
    'k2.lev': sketchOf(inputs.k, 0.2, 1000),
    'huber.lev': sketchOf(inputs.k, 0.1, 1000, huber(1)),
    'empty.lev': new UniversalSetSketch({ d: 6, epsilon: 0.1 }).toBytes(),
    'flipped.lev': flipped(sketchOf(inputs.k, 0.1)),
    'cut.lev': sketchOf(inputs.k, 0.1).subarray(0, 1000),
    'text.lev': 'one, two, three\n',
  };
  for (const [name, content] of Object.entries(files)) place.write(name, content);
  mkdirSync(place.path('folder.npy'));
  mkdirSync(place.path('folder.html'));
  for (const pipe of ['pipe.npy', 'pipe.html']) execFileSync('mkfifo', [place.path(pipe)]);
  for (const link of ['link.svg', 'link.html']) symlinkSync('k.npy', place.path(link));
  symlinkSync('none/set.npy', place.path('astray.npy'));
  before = place.files();
});
afterAll(() => place?.remove());

/** One bit in the middle of an archive is wrong. */
function flipped(bytes: Uint8Array): Uint8Array {
  bytes[bytes.length >> 1] ^= 4;
  return bytes;
}

function sketchOf(keys: ReturnType<typeof tensor>, epsilon: number, offset = 0, f = power(2)): Uint8Array {
  const sketch = new UniversalSetSketch({ d: keys.shape[1], epsilon, f });
  sketch.insert(keys, offset);
  return sketch.toBytes();
}

const eps = ['--epsilon', '0.1'];
const find = (file: string, ...options: string[]) => ['find', file, ...options];
const attend = (...options: string[]) => ['attend', 'q.npy', 'k.npy', 'v.npy', ...options];
const coreset = (...options: string[]) => ['coreset', 'k.npy', ...options];
const compare = (...files: string[]) => ['attend', ...files, '--keys', '9', '--compare'];

const files: [string, string[], RegExp][] = [
  ['a file that is not there', find('absent.npy', ...eps), /absent\.npy: no such file/],
  ['a folder', find('folder.npy', ...eps), /folder\.npy: not a file/],
  ['a file in a file', find('k.npy/k.npy', ...eps), /k\.npy\/k\.npy: no such file/],
  ['an empty file', find('empty.npy', ...eps), /empty\.npy/],
  ['a file of text', find('text.npy', ...eps), /text\.npy/],
  [
    'a file of no known kind',
    find('text.lev', ...eps),
    /^levattention find: text\.lev: not an \.npy, \.npz or \.safetensors file\n/,
  ],
  ...[
    find('k.lev', ...eps),
    ['heavy', 'q.npy', 'k.lev', ...eps],
    ['attend', 'q.npy', 'k.lev', 'v.npy', '--keys', '9', '--compare'],
    ['coreset', 'k.lev', '--power', '1', '--rows', '9'],
    ['lifetimes', 'k.lev', ...eps],
    ['sketch', 'k.lev', ...eps, '-o', 's.lev'],
    ['filter', 'k.lev', '--factor', 'k.lev'],
    ['report', 'q.npy', 'k.lev', 'v.npy', '-o', 'r.html'],
  ].map((args): [string, string[], RegExp] => [
    `a sketch for the keys of ${args[0]}`,
    args,
    /: k\.lev: is a sketch of keys: levattention finish k\.lev gives their set\n/,
  ]),
  ...[
    ['finish', 'k.npy'],
    ['merge', 'k.lev', 'k.npy', '-o', 's.lev'],
    ['filter', 'k.npy', '--factor', 'k.npy'],
  ].map((args): [string, string[], RegExp] => [
    `keys for the sketch of ${args[0]}`,
    args,
    /: k\.npy: is a file of keys, not a sketch: levattention find k\.npy takes them\n/,
  ]),
  ['missing numbers', find('truncated.npy', ...eps), /truncated\.npy/],
  ['a header that is cut off', find('header.npy', ...eps), /header\.npy/],
  ['complex numbers', find('complex.npy', ...eps), /complex\.npy.*<c8/],
  ['pickled objects', find('pickled.npy', ...eps), /pickled\.npy.*\|O/],
  ['long numbers', find('long.npy', ...eps), /long\.npy.*"<f16".* of 2, 4 or 8 bytes/],
  ['an archive without a tensor', find('none.npz', ...eps), /none\.npz: the file holds no tensor/],
  ['a pipe', find('pipe.npy', ...eps), /pipe\.npy: not a file that can be read by position/],
  [
    'a folder where no file can be made',
    find('k.npy', ...eps, '-o', '/proc/set.npy'),
    /\/proc\/set\.npy: (no file can be made in this folder|permission)/,
  ],
  ['integers', find('integers.npy', ...eps), /integers\.npy.*<i8/],
  ['a negative size', find('negative.npy', ...eps), /negative\.npy/],
  ['a size that is no integer', find('huge.npy', ...eps), /huge\.npy/],
  ['one dimension', find('vector.npy', ...eps), /vector\.npy: shape must be .*, got \[2\]/],
  ['three dimensions', find('three.npy', ...eps), /three\.npy: shape must be .*, got \[2, 3, 4\]/],
  ['no rows', find('none.npy', ...eps), /none\.npy: shape must be .*, got \[0, 4\]/],
  ['NaN', find('nan.npy', ...eps), /nan\.npy: .*NaN.*row 7.*column 4/],
  ['infinity', find('inf.npy', ...eps), /inf\.npy: .*-Infinity.*row 119.*column 0/],
  ['NaN in a sequence', ['lifetimes', 'nan.npy', ...eps], /nan\.npy: .*NaN.*row 7.*column 4/],
  ['NaN in a head', find('nan4.npy', ...eps), /nan4\.npy, batch 1, head 1: .*NaN.*row 2.*column 1/],
  ['a tensor that is not there', find('all.safetensors#x', ...eps), /all\.safetensors.*"x".*"k"/],
  [
    'a choice of tensors that is not made',
    find('all.safetensors', ...eps),
    /choose one of 6 tensors with #NAME: "k"/,
  ],
  ['a name in a file without names', find('k.npy#x', ...eps), /k\.npy.*"x"/],
  ['a header of 2^63 bytes', find('lengths.safetensors', ...eps), /lengths\.safetensors/],
  ['a .safetensors file that is cut off', find('cut.safetensors#k', ...eps), /cut\.safetensors/],
  ['a header that is not JSON', find('json.safetensors', ...eps), /json\.safetensors/],
  ['a damaged archive', find('flipped.npz', ...eps), /flipped\.npz/],
  [
    'a mask that is not there',
    attend('--keys', '9', '--attn-mask', 'no.npy', '--compare'),
    /no\.npy: no such file/,
  ],
  [
    'a mask of another shape',
    attend('--keys', '9', '--attn-mask', 'wide.npy', '--compare'),
    /wide\.npy: attnMask: shape must be \[30,120\] or broadcast .* got \[120,7\]/,
  ],
  [
    'a mask with NaN',
    attend('--keys', '9', '--attn-mask', 'nanmask.npy', '--compare'),
    /nanmask\.npy: attnMask must hold numbers up to .* got NaN at \[0, 3\]/,
  ],
  [
    'a mask that differs between queries, with a tail',
    attend('--keys', '9', '--attn-mask', 'lower.npy', '--tail', 'mean', '--compare'),
    /lower\.npy: attnMask must be the same for all queries of a key head, as tail 'mean' stores keys together/,
  ],
  ['log-weights of text', attend('--keys', '9', '--log-weights', 'text.npy', '--compare'), /text\.npy/],
  [
    'log-weights of integers',
    attend('--keys', '9', '--log-weights', 'integers.npy', '--compare'),
    /integers\.npy.*<i8/,
  ],
  [
    'log-weights of other keys',
    attend('--keys', '9', '--log-weights', 'vector.npy', '--compare'),
    /vector\.npy: logWeights: shape must be \[120\] or .* got \[2\]/,
  ],
  ['queries of other columns', ['heavy', 'q.npy', 'wide.npy', ...eps], /\[30,\s*6\].*\[120,\s*7\]/],
  [
    'queries of other dimensions',
    ['heavy', 'q4.npy', 'k.npy', ...eps],
    /\[2,\s*4,\s*20,\s*6\].*\[120,\s*6\]/,
  ],
  [
    'heads that are no multiple',
    ['heavy', 'q3.npy', 'k4.npy', ...eps],
    /\[2,\s*3,\s*20,\s*6\].*\[2,\s*2,\s*60,\s*6\]/,
  ],
  ['NaN in queries', ['heavy', 'nanq.npy', 'k.npy', ...eps], /: nanq\.npy: queries.*NaN.*row 0.*column 5/],
  [
    'NaN in a head of queries',
    ['heavy', 'nan4.npy', 'k4.npy', ...eps],
    /: nan4\.npy: queries of batch 1, head 1 .*NaN.*row 2.*column 1/,
  ],
  ['NaN in keys', ['heavy', 'q.npy', 'nan.npy', ...eps], /: nan\.npy: keys.*NaN.*row 7.*column 4/],
  [
    'NaN in rows to sample',
    ['coreset', 'nan4.npy', '--power', '1', '--rows', '9'],
    /nan4\.npy: keys of batch 1, head 1.*NaN.*row 2/,
  ],
  ['values of other rows', compare('q.npy', 'k.npy', 'short.npy'), /\[30,\s*6\].*\[120,\s*6\].*\[119,\s*5\]/],
  ['keys of other columns', compare('q.npy', 'wide.npy', 'v.npy'), /\[30,\s*6\].*\[120,\s*7\].*\[120,\s*5\]/],
  ['other batches', compare('q4.npy', 'k1.npy', 'v4.npy'), /\[2,\s*4,\s*20,\s*6\].*\[1,\s*2,\s*60,\s*6\]/],
  ['NaN in values', compare('q.npy', 'k.npy', 'nanv.npy'), /: nanv\.npy: v.*NaN.*row 1.*column 0/],
  [
    'more queries than keys, causal',
    ['attend', 'longq.npy', 'k.npy', 'v.npy', '--keys', '9', '--causal', '--compare'],
    /\[121,\s*6\].*\[120,\s*6\]/,
  ],
  [
    'NaN in a part',
    ['sketch', 'nan.npy', ...eps, '-o', 's.lev', '--offset', '100'],
    /nan\.npy: .*NaN.*row 107.*column 4/,
  ],
  [
    'NaN after a checkpoint',
    find('nan.npy', ...eps, '--checkpoint', 's.lev'),
    /nan\.npy: .*NaN.*row 7.*column 4/,
  ],
  [
    'a part with heads',
    ['sketch', 'k4.npy', ...eps, '-o', 's.lev'],
    /k4\.npy: shape must be \[n, d\], got \[2, 2, 60, 6\]/,
  ],
  [
    'heads with a checkpoint',
    find('k4.npy', ...eps, '--checkpoint', 's.lev'),
    /k4\.npy: shape must be \[n, d\]/,
  ],
  ['a sketch that is not there', ['finish', 'absent.lev'], /absent\.lev: no such file/],
  ['a sketch of text', ['finish', 'text.lev'], /text\.lev: the bytes must be those of a sketch/],
  ['a damaged sketch', ['finish', 'flipped.lev'], /flipped\.lev: .*checksum/],
  ['a sketch that is cut off', ['merge', 'k.lev', 'cut.lev', '-o', 's.lev'], /cut\.lev: .*checksum/],
  ['a sketch of no rows', ['finish', 'empty.lev'], /empty\.lev: the sketch must have rows, got none/],
  [
    'a sketch twice',
    ['merge', 'k.lev', 'k.lev', '-o', 's.lev'],
    /k\.lev: each row may come once, and rows 0 to 119/,
  ],
  [
    'sketches of other columns',
    ['merge', 'k.lev', 'v.lev', '-o', 's.lev'],
    /v\.lev: both must have the same d, got 6 and 5/,
  ],
  [
    'sketches of other thresholds',
    ['merge', 'k.lev', 'k2.lev', '-o', 's.lev'],
    /same epsilon, got 0\.1 and 0\.2/,
  ],
  [
    'sketches of other weights',
    ['merge', 'k.lev', 'huber.lev', '-o', 's.lev'],
    /same f, got power:2 and huber:1/,
  ],
  [
    'rows of other columns',
    ['filter', 'v.npy', '--factor', 'k.lev'],
    /v\.npy: keys must have 6 columns, got 5/,
  ],
  [
    'rows that the sketch has not',
    ['filter', 'k.npy', '--factor', 'k.lev', '--offset', '60'],
    /rows 60 to 179 are not all in it/,
  ],
  [
    'a second pass of other weights',
    ['filter', 'k.npy', '--factor', 'huber.lev', '--offset', '1000'],
    /power:2, got huber:1/,
  ],
  [
    'the checkpoint of a damaged file',
    find('k.npy', ...eps, '--checkpoint', 'flipped.lev'),
    /flipped\.lev: .*checksum does not fit: remove it to begin anew/,
  ],
  [
    'a checkpoint of text',
    find('k.npy', ...eps, '--checkpoint', 'text.lev'),
    /text\.lev: the bytes must be those of a sketch: remove it to begin anew/,
  ],
  [
    'the checkpoint of other keys',
    find('wide.npy', ...eps, '--checkpoint', 'k.lev'),
    /k\.lev: both must have the same d, got 7 and 6: remove it to begin anew/,
  ],
  [
    'the checkpoint of a stream',
    find('k.npy', ...eps, '--checkpoint', 'empty.lev', '--f', 'huber:1'),
    /empty\.lev: both must have the same f/,
  ],
  ['too many columns', find('-', ...eps, '--raw', 'f32', '--cols', '5000'), /at most 4096 columns/],
  ['a threshold that no key reaches', attend('--epsilon', '1', '-o', 'out.npy'), /epsilon = 1/],
  [
    'a report of shapes that do not fit',
    ['report', 'q.npy', 'k.npy', 'short.npy', '-o', 'r.html'],
    /\[119,\s*5\]/,
  ],
  [
    'a causal report of one query',
    ['report', 'one.npy', 'k.npy', 'v.npy', '--causal', '-o', 'r.html'],
    /at least two queries, got 1/,
  ],
];

const usage: [string, string[], RegExp][] = [
  ['epsilon 0', find('k.npy', '--epsilon', '0'), /--epsilon must be in \(0, 1\], got '0'/],
  ['epsilon 1.5', find('k.npy', '--epsilon', '1.5'), /--epsilon must be in \(0, 1\], got '1.5'/],
  ['epsilon NaN', find('k.npy', '--epsilon', 'NaN'), /--epsilon must be in \(0, 1\], got 'NaN'/],
  ['epsilon -1', find('k.npy', '--epsilon', '-1'), /--epsilon must be in \(0, 1\], got '-1'/],
  ['epsilon in words', find('k.npy', '--epsilon', 'abc'), /--epsilon must be in \(0, 1\], got 'abc'/],
  ['epsilon without a number', find('k.npy', '--epsilon'), /--epsilon/],
  ['the 0 top keys', find('k.npy', '--top', '0'), /--top must be a positive whole number, got '0'/],
  ['the 1.5 top keys', find('k.npy', '--top', '1.5'), /--top must be a positive whole number, got '1.5'/],
  [
    'more top keys than keys',
    find('k.npy', '--top', '121'),
    /--top must be at most the number of keys, 120, got 121/,
  ],
  [
    'no thread',
    find('k.npy', '--threads', '0', ...eps),
    /--threads must be a whole number from 1 to 256, got '0'/,
  ],
  [
    'half a thread',
    ['heavy', 'q.npy', 'k.npy', '--threads', '0.5', ...eps],
    /--threads must be a whole number from 1 to 256, got '0.5'/,
  ],
  ['neither epsilon nor top', find('k.npy'), /give one of --epsilon and --top/],
  ['both epsilon and top', find('k.npy', '--top', '3', ...eps), /only one of --epsilon and --top/],
  ['an unknown weight', find('k.npy', '--f', 'softmax', ...eps), /--f: .*power, huber.*got 'softmax'/],
  ['a negative power', find('k.npy', '--f', 'power:-1', ...eps), /--f: .*'power:-1'/],
  ['a weight without its scale', find('k.npy', '--f', 'huber', ...eps), /--f: huber needs.*'huber'/],
  ['a scale of zero', find('k.npy', '--f', 'tukey:0', ...eps), /--f: .*0/],
  ['exact sets of other weights', find('k.npy', '--exact', '--f', 'huber:1', ...eps), /--exact.*huber:1/],
  [
    'exact sets of powers below 1',
    find('k.npy', '--exact', '--f', 'power:0.5', ...eps),
    /--exact.*power:0\.5/,
  ],
  ['another ending', find('k.npy', ...eps, '-o', 'set.csv'), /-o must end in \.npy, \.npz.*'set\.csv'/],
  ['a folder that is not there', find('k.npy', ...eps, '-o', 'no/set.npy'), /there is no folder 'no'/],
  [
    'a link into a folder that is not there',
    find('k.npy', ...eps, '-o', 'astray.npy'),
    /-o astray\.npy: is a link into a folder that cannot be found/,
  ],
  ['a folder as output', find('k.npy', ...eps, '-o', 'folder.npy'), /folder\.npy is a folder/],
  ['one array for many heads', find('k4.npy', ...eps, '-o', 'set.npy'), /\.npz.*several heads.*'set\.npy'/],
  [
    'a picture of another kind',
    find('k.npy', ...eps, '--plot', 'p.png'),
    /--plot must end in \.svg.*'p\.png'/,
  ],
  [
    'a second bad output',
    find('k.npy', ...eps, '-o', 'set.npy', '--plot', 'no/p.svg'),
    /there is no folder 'no'/,
  ],
  ['an unknown option', find('k.npy', '--epsilom', '0.1'), /unknown option '--epsilom'.*--epsilon/],
  ['an unknown command', ['fnid', 'k.npy'], /unknown command 'fnid'.*find/],
  ['no file', ['find', ...eps], /missing required argument 'keys'/],
  ['a file too many', find('k.npy', 'v.npy', ...eps), /too many arguments/],
  ['no epsilon', ['heavy', 'q.npy', 'k.npy'], /--epsilon is needed/],
  [
    'a mask over which the output would go',
    attend('--keys', '9', '--attn-mask', 'nanmask.npy', '-o', 'nanmask.npy'),
    /nanmask\.npy is an input/,
  ],
  [
    'threads of nothing',
    attend('--keys', '9', '--threads', '0', '--compare'),
    /--threads must be a whole number from 1 to 256, got '0'/,
  ],
  [
    'a tail that is none',
    attend('--keys', '9', '--tail', 'rest', '--compare'),
    /--tail: the tail must be one of drop, .*got 'rest'/,
  ],
  [
    'a tail with --epsilon',
    attend('--epsilon', '0.1', '--tail', 'mean', '--compare'),
    /--tail mean needs --keys/,
  ],
  [
    'clusters under power weights',
    attend('--keys', '9', '--tail', 'moments', '--weights', 'power:2', '--compare'),
    /--tail moments is for softmax/,
  ],
  [
    'more keys than keys',
    attend('--keys', '121', '--compare'),
    /--keys must be at most the number of keys, 120, got 121/,
  ],
  ['no keys', attend('--keys', '0', '--compare'), /--keys must be a positive whole number, got '0'/],
  ['neither keys nor epsilon', attend('--compare'), /give one of --keys and --epsilon/],
  [
    'fewer keys than are always kept',
    attend('--keys', '2', '--always', '0-3', '--compare'),
    /--keys must be at least the 4 /,
  ],
  [
    'a position beyond the keys',
    attend('--keys', '9', '--always', '120', '--compare'),
    /--always has position 120/,
  ],
  [
    'positions in words',
    attend('--keys', '9', '--always', 'first', '--compare'),
    /--always must be positions.*'first'/,
  ],
  [
    'an unknown selector',
    attend('--keys', '9', '--select', 'best', '--compare'),
    /--select: .*leverage.*'best'/,
  ],
  [
    'a selector with epsilon',
    attend(...eps, '--select', 'random', '--compare'),
    /--select must be leverage.*'random'/,
  ],
  [
    'other weights',
    attend('--keys', '9', '--weights', 'huber:1', '--compare'),
    /--weights must be softmax or power:P.*'huber:1'/,
  ],
  [
    'a negative scale',
    attend('--keys', '9', '--scale', '-1', '--compare'),
    /--scale must be a positive number, got '-1'/,
  ],
  [
    'a scale of powers',
    attend('--keys', '9', '--weights', 'power:2', '--scale', '1', '--compare'),
    /--scale belongs to softmax/,
  ],
  [
    'half a seed',
    attend('--keys', '9', '--seed', '0.5', '--compare'),
    /--seed must be a whole number.*'0\.5'/,
  ],
  ['nothing to do', attend('--keys', '9'), /-o, or --compare/],
  ['a coreset of no power', coreset('--rows', '9'), /--power is needed/],
  [
    'a coreset of a negative power',
    coreset('--power', '-1', '--rows', '9'),
    /--power must be a positive number, got '-1'/,
  ],
  ['a coreset of no size', coreset('--power', '1'), /give one of --rows and --eta/],
  [
    'a coreset of two sizes',
    coreset('--power', '1', '--rows', '9', '--eta', '0.1'),
    /only one of --rows and --eta/,
  ],
  ['no rows', coreset('--power', '1', '--rows', '0'), /--rows must be a positive whole number, got '0'/],
  ['eta 1', coreset('--power', '1', '--eta', '1'), /--eta must be in \(0, 1\), got '1'/],
  ['delta of rows', coreset('--power', '1', '--rows', '9', '--delta', '0.1'), /--delta belongs to --eta/],
  ['a sample in one array', coreset('--power', '1', '--rows', '9', '-o', 's.npy'), /-o must end in \.npz/],
  [
    'a seed of no sample',
    ['heavy', 'q.npy', 'k.npy', ...eps, '--seed', '1'],
    /--seed belongs to --coreset-eta/,
  ],
  [
    'a row sample for other weights',
    ['heavy', 'q.npy', 'k.npy', ...eps, '--f', 'huber:1', '--coreset-eta', '0.5'],
    /--coreset-eta is for --f power:P, got huber:1/,
  ],
  ['lifetimes without a threshold', ['lifetimes', 'k.npy'], /--epsilon/],
  ['lifetimes at 0', ['lifetimes', 'k.npy', '--epsilon', '0'], /--epsilon must be in \(0, 1\], got '0'/],
  ['lifetimes as .png', ['lifetimes', 'k.npy', ...eps, '--plot', 'p.png'], /--plot must end in \.svg/],
  ['a part without an output', ['sketch', 'k.npy', ...eps], /--output <file\.lev>' not specified/],
  ['a part without a threshold', ['sketch', 'k.npy', '-o', 's.lev'], /--epsilon <e>' not specified/],
  [
    'a sketch of another ending',
    ['sketch', 'k.npy', ...eps, '-o', 's.npy'],
    /-o must end in \.lev, got 's\.npy'/,
  ],
  [
    'half an offset',
    ['sketch', 'k.npy', ...eps, '-o', 's.lev', '--offset', '0.5'],
    /--offset must be a whole number.*'0\.5'/,
  ],
  [
    'a negative offset',
    ['filter', 'k.npy', '--factor', 'k.lev', '--offset', '-1'],
    /--offset must be a whole number.*'-1'/,
  ],
  // The rows are not even read: NaN in them is not found.
  ...[
    ['sketch', 'nan.npy', ...eps, '-o', 's.lev'],
    ['filter', 'nan.npy', '--factor', 'k.lev'],
  ].map((args): [string, string[], RegExp] => [
    `rows beyond 2^53 of ${args[0]}`,
    [...args, '--offset', '9007199254740872'],
    /--offset and the number of rows must be below 2\^53 together: nan\.npy has 120, got '9007199254740872'\n/,
  ]),
  ['nothing to merge', ['merge', '-o', 's.lev'], /missing required argument 'parts'/],
  ['a merged sketch over a part', ['merge', 'k.lev', 'k2.lev', '-o', 'k.lev'], /-o k\.lev is an input/],
  ['a second pass of no sketch', ['filter', 'k.npy'], /--factor <all\.lev>' not specified/],
  ['raw numbers of a file', find('k.npy', ...eps, '--raw', 'f32', '--cols', '6'), /--raw is for .* '-'/],
  [
    'columns of a file',
    ['sketch', 'k.npy', ...eps, '-o', 's.lev', '--cols', '6'],
    /--raw and --cols are for .*'k\.npy'/,
  ],
  ['raw numbers without columns', find('-', ...eps, '--raw', 'f32'), /--cols is missing/],
  ['columns of an .npy', find('-', ...eps, '--cols', '6'), /--raw is missing/],
  [
    'raw numbers of another type',
    find('-', ...eps, '--raw', 'i8', '--cols', '6'),
    /--raw must be f16, .*'i8'/,
  ],
  [
    'no columns',
    find('-', ...eps, '--raw', 'f32', '--cols', '0'),
    /--cols must be a positive whole number, got '0'/,
  ],
  ['the top keys of a stream', find('-', '--top', '3'), /one pass, which needs --epsilon, not --top/],
  [
    'the top keys with a checkpoint',
    find('k.npy', '--top', '3', '--checkpoint', 's.lev'),
    /--checkpoint.*--epsilon, not --top/,
  ],
  [
    'exact sets of a stream',
    find('-', ...eps, '--exact', '--f', 'power:3'),
    /--exact is then for --f power:2, got power:3/,
  ],
  ['threads of a stream', find('-', ...eps, '--threads', '2'), /on one thread, got --threads 2/],
  [
    'an interval of no checkpoint',
    find('k.npy', ...eps, '--interval', '9'),
    /--interval belongs to --checkpoint/,
  ],
  ['an interval of no stream', find('-', ...eps, '--interval', '9'), /--interval belongs to --checkpoint/],
  [
    'an interval of no rows',
    find('k.npy', ...eps, '--checkpoint', 's.lev', '--interval', '0'),
    /--interval must be a positive/,
  ],
  [
    'a checkpoint of another ending',
    find('k.npy', ...eps, '--checkpoint', 's.npy'),
    /--checkpoint must end in \.lev/,
  ],
  ['a checkpoint in no folder', find('k.npy', ...eps, '--checkpoint', 'no/s.lev'), /there is no folder 'no'/],
  ['a stream that has a checkpoint', find('-', ...eps, '--checkpoint', 'k.lev'), /k\.lev is there already/],
  ['a picture over its keys', find('k.npy', ...eps, '--plot', 'link.svg'), /--plot link\.svg is an input/],
  [
    'a page over its keys',
    ['report', 'q.npy', 'k.npy', 'v.npy', '-o', 'link.html'],
    /-o link\.html is an input/,
  ],
  [
    'a picture of lifetimes over the keys',
    ['lifetimes', 'k.npy', ...eps, '--plot', 'link.svg'],
    /--plot link\.svg is an input/,
  ],
  ['a pipe as output', find('k.npy', ...eps, '-o', 'pipe.npy'), /-o pipe\.npy is a pipe/],
  ['a pipe as page', ['demo', '-o', 'pipe.html'], /-o pipe\.html is a pipe/],
  ['an output without a name', find('k.npy', ...eps, '-o', ''), /-o must end in .*, got ''/],
  ['a picture without a name', find('k.npy', ...eps, '--plot', ''), /--plot must end in \.svg, got ''/],
  ['a page without a name', ['report', 'q.npy', 'k.npy', 'v.npy', '-o', ''], /-o must end in \.html, got ''/],
  ['attention without a name', attend('--keys', '9', '-o', ''), /-o must end in .*, got ''/],
  ['no positions', attend('--keys', '9', '--always', '', '--compare'), /--always must be positions.*''/],
  ['help about nothing', ['help', 'absent'], /unknown command 'absent'/],
  ['no page', ['report', 'q.npy', 'k.npy', 'v.npy'], /-o is needed/],
  ['a page of another kind', ['report', 'q.npy', 'k.npy', 'v.npy', '-o', 'r.pdf'], /-o must end in \.html/],
  ['a demo without a folder', ['demo', '-o', 'no/r.html'], /there is no folder 'no'/],
  ['a demo over a folder', ['demo', '-o', 'folder.html'], /folder\.html is a folder/],
];

describe.each([
  ['files', 1, files],
  ['options', 2, usage],
] as const)('wrong %s', (_, code, cases) => {
  test.concurrent.each(cases)('%s', async (_, args, line) => {
    const { code: got, stdout, stderr } = await place.run(args);
    expect(stderr).toMatch(
      /^levattention( (find|sketch|merge|finish|filter|help|heavy|coreset|lifetimes|attend|report|demo))?: [^\n]+\n$/,
    );
    expect(stderr).toMatch(line);
    expect(stderr).not.toMatch(/internal error|\bat .*\.js:/);
    expect(got).toBe(code);
    expect(stdout).toBe('');
  });
});

const fromPipe = find('-', ...eps);
const raw = [...fromPipe, '--raw', 'f32', '--cols', '6'];
const streams: [string, string[], string | (() => Uint8Array), RegExp][] = [
  ['nothing', fromPipe, '', /standard input: does not begin as an \.npy file does/],
  ['text', fromPipe, 'one, two, three\n', /standard input: does not begin as an \.npy file does/],
  ['a header that is cut off', fromPipe, 'header.npy', /standard input: header length .* exceeds/],
  ['missing numbers', fromPipe, 'truncated.npy', /standard input: ended after 115 of 120 rows/],
  ['numbers that are no floating-point ones', fromPipe, 'integers.npy', /standard input: .*<i8/],
  ['a vector', fromPipe, 'vector.npy', /standard input: shape must be \[n, d\], got \[2\]/],
  ['heads', fromPipe, 'k4.npy', /standard input: shape must be \[n, d\], got \[2, 2, 60, 6\]/],
  ['no rows', fromPipe, 'none.npy', /standard input: shape must be \[n, d\], got \[0, 4\]/],
  ['a shape beyond any memory', fromPipe, 'huge.npy', /standard input/],
  ['NaN', fromPipe, 'nan.npy', /standard input: .*NaN.*row 7.*column 4/],
  ['an .npz', fromPipe, 'flipped.npz', /standard input: does not begin as an \.npy file does/],
  [
    'column after column',
    fromPipe,
    () => Buffer.from(bytesOf('k.npy').toString('latin1').replace('False, ', 'True,  '), 'latin1'),
    /standard input: .*C order.*Fortran/,
  ],
  [
    'more than the header says',
    fromPipe,
    () => Buffer.concat([bytesOf('k.npy'), Buffer.of(0)]),
    /goes on after the 120 rows/,
  ],
  ['no numbers', raw, '', /standard input: there are no rows/],
  [
    'a row that is cut off',
    raw,
    () => Buffer.alloc(24 * 7 + 5),
    /ended within row 7, after 5 of its 24 bytes/,
  ],
  [
    'infinity',
    raw,
    () => Buffer.from(Float32Array.of(0, 1, 2, 3, 4, Infinity).buffer),
    /Infinity at row 0, column 5/,
  ],
  [
    'NaN in a second pass',
    ['filter', '-', '--factor', 'k.lev'],
    'nan.npy',
    /standard input: .*NaN.*row 7.*column 4/,
  ],
  [
    'rows that go on beyond 2^53',
    [...raw.with(0, 'sketch'), '-o', 's.lev', '--offset', '9007199254740980'],
    () => Buffer.alloc(24 * 12),
    /--offset and the number of rows must be below 2\^53 together: standard input has 12 or more, got '9007199254740980'/,
  ],
  [
    'rows that begin at 2^53',
    ['filter', '-', '--factor', 'k.lev', '--raw', 'f32', '--cols', '6', '--offset', '9007199254740991'],
    () => Buffer.alloc(24 * 12),
    /below 2\^53 together: standard input has 1 or more, got '9007199254740991'/,
  ],
  ['a part of no rows', ['sketch', '-', ...eps, '--raw', 'f32', '--cols', '6', '-o', 's.lev'], '', /no rows/],
];

function bytesOf(name: string): Buffer {
  return readFileSync(place.path(name));
}

describe('wrong standard input', () => {
  test.concurrent.each(streams)('%s', async (_, args, content, line) => {
    const named = typeof content === 'string' && before.includes(content);
    const input = typeof content === 'string' ? (named ? bytesOf(content) : Buffer.from(content)) : content();
    const { code, stdout, stderr } = await place.pipe(input, args);
    expect(stderr).toMatch(/^levattention (find|filter|sketch): [^\n]+\n$/);
    expect(stderr).toMatch(line);
    expect({ code, stdout }).toEqual({ code: args.includes('--offset') ? 2 : 1, stdout: '' });
  });
});

test('none of these wrote a file, nor over one', () => {
  expect(place.files()).toEqual(before);
  expect(Buffer.from(readFileSync(place.path('k.npy')))).toEqual(Buffer.from(writeNpy(inputs.k)));
});
