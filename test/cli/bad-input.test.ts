/** What cannot be done is said in one line, with an exit code, and leaves no file behind. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
  };
  for (const [name, content] of Object.entries(files)) place.write(name, content);
  mkdirSync(place.path('folder.npy'));
  mkdirSync(place.path('folder.html'));
  for (const pipe of ['pipe.npy', 'pipe.html']) execFileSync('mkfifo', [place.path(pipe)]);
  for (const link of ['link.svg', 'link.html']) symlinkSync('k.npy', place.path(link));
  before = place.files();
});
afterAll(() => place?.remove());

/** One bit in the middle of an archive is wrong. */
function flipped(bytes: Uint8Array): Uint8Array {
  bytes[bytes.length >> 1] ^= 4;
  return bytes;
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
      /^levattention( (find|help|heavy|coreset|lifetimes|attend|report|demo))?: [^\n]+\n$/,
    );
    expect(stderr).toMatch(line);
    expect(stderr).not.toMatch(/internal error|\bat .*\.js:/);
    expect(got).toBe(code);
    expect(stdout).toBe('');
  });
});

test('none of these wrote a file, nor over one', () => {
  expect(place.files()).toEqual(before);
  expect(Buffer.from(readFileSync(place.path('k.npy')))).toEqual(Buffer.from(writeNpy(inputs.k)));
});
