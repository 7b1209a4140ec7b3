/** `levattention find`: the keys that can ever be heavy, for every query there could be. */
import { existsSync } from 'node:fs';
import { Command } from 'commander';
import type { ArrayToWrite } from '../io/index.js';
import { runAsync } from '../kernels/run-async.js';
import type { HeadOf } from '../keys.js';
import { leverageScoresAsync } from '../scores/leverage.js';
import type { CallOptions } from '../steps.js';
import type { UniversalSet } from '../universal-set/result.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import { type UniversalSetOptions, universalSetAsync } from '../universal-set/universal-set.js';
import { parseWeight } from '../weights/parse.js';
import { INTERVAL, sketchWithCheckpoint } from './checkpoint.js';
import { UsageError } from './failure.js';
import { writeFileAtomic } from './file-source.js';
import { about, eachHead, openInput, type TensorInput } from './inputs.js';
import { parseCount, parsedBy, parseEpsilon, parseThreads } from './options.js';
import { checkOutput, indexArray, writeArrays } from './outputs.js';
import { light, standAlone } from './report/palette.js';
import { scoreChart } from './report/score-chart.js';
import { openRows, STANDARD_INPUT } from './row-source.js';
import type { Session } from './session.js';
import { oneSet } from './set-in-words.js';
import { insertRows, SKETCH_ENDING } from './sketching.js';
import { isStreamed } from './streamed-rows.js';
import { listed, number, seconds, table } from './text.js';

interface FindOptions {
  readonly epsilon?: string;
  readonly top?: string;
  readonly f: string;
  readonly exact?: boolean;
  readonly centre?: boolean;
  readonly output?: string;
  readonly plot?: string;
  readonly threads: string;
  readonly raw?: string;
  readonly cols?: string;
  readonly checkpoint?: string;
  readonly interval?: string;
  readonly json?: boolean;
}

const help = `
KEYS is a .npy, .npz or .safetensors file of shape [n, d] or [batch, heads, n, d]; FILE#NAME
chooses a tensor of a file that holds several. Exactly one of --epsilon and --top is needed.

A Parquet file, or an http(s) URL of any of these but .npz, is read in one pass, as '-' is. Of Parquet, the keys
are the lists of a column of floats or doubles, or the rows of several such columns: FILE#NAME or FILE#NAME,NAME.

'-' reads keys once, from standard input: an .npy of shape [n, d], or with --raw and --cols little-endian
numbers without a header, row after row, for as long as they come. With --checkpoint the keys are
summed up in a file every --interval rows; the same command goes on from there after it was killed,
with the same result. Where KEYS was written, moved or copied since, the rows before are read again and
compared, and other rows are refused. Of a stream, \`levattention finish\` gives the set of the rows in
that file at any time. Both take the keys in one pass: the minimal set for power:2, a certified superset for
other weights, with --epsilon.

Examples:
  levattention find keys.npy --epsilon 0.05
  levattention find capture.safetensors#layer0.k --top 32 --json
  levattention find keys.npy --epsilon 0.1 --f huber:1.5 -o set.npy --plot scores.svg
  levattention find keys.npy --epsilon 0.01 --threads 4
  levattention find big.npy --epsilon 0.01 --checkpoint big.lev
  levattention find keys.parquet --epsilon 0.01
  levattention find https://example.org/keys.parquet#embedding --epsilon 0.01
  cat keys.f32 | levattention find - --raw f32 --cols 64 --epsilon 0.01`;

/** The command. */
export function findCommand({ call, print }: Session): Command {
  return new Command('find')
    .summary('the keys that can ever be heavy, for every query there could be')
    .description(
      'Finds the universal set: every key that some query, real or not, can give a share of at least EPSILON of its ' +
        'whole weight f(<query, key>). A set marked minimal holds no other key; of many keys, a part of them decides quickly ' +
        'what may be heavy, which can leave a few more in: --exact takes them out.',
    )
    .argument('<keys>', "file of keys, or '-'")
    .option('--epsilon <e>', 'threshold of the attention score, in (0, 1]')
    .option('--top <k>', 'the K keys of largest possible score; epsilon is then the largest one left out')
    .option(
      '--f <weight>',
      'power:P, huber:S, tukey:S, cauchy:S, welsch:S, gemanMcClure:S or l1l2:S',
      'power:2',
    )
    .option(
      '--exact',
      'the minimal set (power:P with P >= 1): reads all keys twice for P = 2, slow for other P',
    )
    .option('--centre', 'cover queries with an offset too, f(<query, key> + b)')
    .option(
      '-o, --output <file>',
      'write the indices: .npy; .npz or .safetensors with a member for each head',
    )
    .option('--plot <file.svg>', 'draw the sorted scores with the threshold')
    .option(
      '--threads <n>',
      'worker threads that share the passes over the keys; the result is the same',
      '1',
    )
    .option('--raw <type>', "of '-': numbers without a header, f16, bf16, f32 or f64")
    .option('--cols <d>', 'with --raw: numbers of a key')
    .option('--checkpoint <file.lev>', 'go on from this file, and write it every --interval rows')
    .option('--interval <rows>', `with --checkpoint; ${INTERVAL} unless given`)
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (keys: string, options: FindOptions) => {
      const threads = parseThreads(options.threads);
      print(await find(keys, options, { ...call, threads }));
    });
}

/** What a way through the keys found. */
interface Found {
  /** Whether the keys were one matrix. */
  readonly flat: boolean;
  readonly sets: readonly HeadOf<UniversalSet>[];
  /** The picture, where one is asked for. */
  readonly picture?: string;
  /** With a checkpoint: rows that an earlier run had read, and those of them that were read again to be compared. */
  readonly resumed?: number;
  readonly compared?: number;
}

async function find(reference: string, options: FindOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const choice = choiceOf(options);
  if (options.output !== undefined)
    checkOutput(options.output, ['.npy', '.npz', '.safetensors'], '-o', [reference]);
  if (options.plot !== undefined) checkOutput(options.plot, ['.svg'], '--plot', [reference]);
  const onePass = reference === STANDARD_INPUT || options.checkpoint !== undefined || isStreamed(reference);
  const found = await (onePass ? findInOnePass : findInMemory)(reference, options, choice, call);
  const elapsed = (performance.now() - started) / 1000;
  if (options.output) writeArrays(options.output, arraysOf(found));
  if (options.plot && found.picture) writeFileAtomic(options.plot, [found.picture]);
  return options.json ? json(found, elapsed) : inWords(found, options, elapsed);
}

async function findInMemory(
  reference: string,
  options: FindOptions,
  choice: UniversalSetOptions,
  call: CallOptions,
): Promise<Found> {
  for (const [option, value] of Object.entries({ '--raw': options.raw, '--cols': options.cols }))
    if (value !== undefined) throw new UsageError(`${option} is for numbers from standard input, '-'`);
  if (options.interval !== undefined) throw new UsageError('--interval belongs to --checkpoint');
  const input = await openInput(reference);
  if (choice.top !== undefined && choice.top > input.n)
    throw new UsageError(`--top must be at most the number of keys, ${input.n}, got ${choice.top}`);
  if (!input.flat && options.output?.toLowerCase().endsWith('.npy'))
    throw new UsageError(
      `-o must end in .npz or .safetensors for the sets of several heads, got '${options.output}'`,
    );
  const sets = await eachHead(input, ({ matrix }) => universalSetAsync(matrix, { ...choice, ...call }));
  const picture = options.plot === undefined ? undefined : await draw(input, sets, choice, call);
  return { flat: input.flat, sets, picture };
}

/** Of keys that come once, or that are too many to begin anew. */
async function findInOnePass(
  reference: string,
  options: FindOptions,
  { epsilon, f, exact, centre }: UniversalSetOptions,
  call: CallOptions,
): Promise<Found> {
  const why =
    reference === STANDARD_INPUT ? `'-'` : isStreamed(reference) ? 'a Parquet file or URL' : '--checkpoint';
  if (epsilon === undefined)
    throw new UsageError(`${why} takes the keys in one pass, which needs --epsilon, not --top`);
  if (exact && f?.power !== 2)
    throw new UsageError(
      `${why} takes the keys in one pass: --exact is then for --f power:2, got ${f?.name}`,
    );
  if (call.threads !== 1)
    throw new UsageError(`${why} takes the keys in one pass, on one thread, got --threads ${call.threads}`);
  const { checkpoint: path, interval } = options;
  if (path === undefined && interval !== undefined)
    throw new UsageError('--interval belongs to --checkpoint');
  const every = interval === undefined ? INTERVAL : parseCount(interval, '--interval');
  if (path !== undefined) checkOutput(path, [SKETCH_ENDING], '--checkpoint', [reference]);
  if (path !== undefined && reference === STANDARD_INPUT && existsSync(path))
    throw new UsageError(
      `--checkpoint ${path} is there already, and standard input cannot be read again: levattention finish ${path} gives its set`,
    );
  const source = await openRows(reference, options, call.signal);
  const sketch = await about(
    source.name,
    async () => new UniversalSetSketch({ d: source.d, epsilon, f, centre }),
  );
  const { sketch: full, ...earlier } =
    path === undefined
      ? { sketch: await insertRows(sketch, source, call) }
      : await sketchWithCheckpoint(sketch, source, { path, interval: every }, call);
  const set = await runAsync(full.finishSteps(), call);
  const picture = options.plot === undefined ? undefined : await drawSets([set], [set.scores]);
  return { flat: true, sets: [{ batch: 0, head: 0, ...set }], picture, ...earlier };
}

function choiceOf({ epsilon, top, f, exact, centre }: FindOptions): UniversalSetOptions {
  if ((epsilon === undefined) === (top === undefined))
    throw new UsageError(`give ${epsilon === undefined ? 'one' : 'only one'} of --epsilon and --top`);
  const threshold =
    epsilon === undefined ? { top: parseCount(top!, '--top') } : { epsilon: parseEpsilon(epsilon) };
  const weight = parsedBy(parseWeight, f, '--f');
  if (exact && !(weight.power !== undefined && weight.power >= 1))
    throw new UsageError(`--exact is for --f power:P with P >= 1, got ${weight.name}`);
  return { ...threshold, f: weight, exact: exact ?? false, centre: centre ?? false };
}

/** The sorted scores of all keys for p = 2; for other weights only the set's own scores are known. */
async function draw(
  input: TensorInput,
  sets: readonly HeadOf<UniversalSet>[],
  { f, centre }: UniversalSetOptions,
  call: CallOptions,
): Promise<string> {
  const scores: ArrayLike<number>[] =
    f?.power === 2
      ? (await eachHead(input, ({ matrix }) => leverageScoresAsync(matrix, { centre, ...call }))).map(
          (head) => head.scores,
        )
      : sets.map((set) => set.scores);
  return drawSets(sets, scores);
}

/** The median set with its threshold; other heads behind it. */
async function drawSets(
  sets: readonly UniversalSet[],
  scores: readonly ArrayLike<number>[],
): Promise<string> {
  const order = sets.map((_, i) => i).sort((a, b) => sets[a].indices.length - sets[b].indices.length);
  const median = order[Math.floor(order.length / 2)];
  const svg = await scoreChart({
    scores: scores[median],
    n: sets[median].n,
    epsilon: sets[median].epsilon,
    kept: sets[median].indices.length,
    others: scores.filter((_, i) => i !== median),
  });
  return standAlone(svg, light);
}

function arraysOf({ flat, sets }: Found): Record<string, ArrayToWrite> {
  const name = ({ batch, head }: HeadOf<UniversalSet>) => (flat ? 'indices' : `batch${batch}.head${head}`);
  return Object.fromEntries(sets.map((set) => [name(set), indexArray(set.indices)]));
}

function json({ flat, sets, resumed, compared }: Found, elapsed: number): string {
  if (!flat) {
    const { f } = sets[0];
    // With --top each head has a threshold of its own.
    const epsilon = sets.every((set) => set.epsilon === sets[0].epsilon) ? sets[0].epsilon : null;
    return JSON.stringify({ f, epsilon, heads: sets, seconds: elapsed });
  }
  const { batch, head, ...set } = sets[0];
  return JSON.stringify({ ...set, resumed, compared, seconds: elapsed });
}

function inWords({ flat, sets, resumed, compared }: Found, options: FindOptions, elapsed: number): string {
  const lines = flat ? oneSet(sets[0], options) : manySets(sets, options);
  if (options.checkpoint) {
    const from = resumed ? `, gone on from row ${resumed}` : '';
    const again = compared ? '; the rows before were read again, and are the same' : '';
    lines.push(`checkpoint ${options.checkpoint}${from}${again}`);
  }
  if (options.output) lines.push(`indices written to ${options.output}`);
  if (options.plot) lines.push(`picture written to ${options.plot}`);
  return [...lines, `took ${seconds(elapsed)}`].join('\n');
}

function manySets(sets: readonly HeadOf<UniversalSet>[], options: FindOptions): string[] {
  const { n, f, guarantee } = sets[0];
  const sizes = sets.map(({ indices }) => indices.length).sort((a, b) => a - b);
  const threshold =
    options.top === undefined ? `score ${number(sets[0].epsilon)} or more` : 'be the heaviest';
  const rows = sets.map((set) => [
    `${set.batch}`,
    `${set.head}`,
    `${set.indices.length}`,
    `${Math.floor(Math.min(n, set.sizeBound))}`,
    `${set.rank}`,
    number(set.epsilon),
    `${set.undecided.length}`,
    listed(set.indices, 40),
  ]);
  return [
    `${sets.length} heads of ${n} keys each: ${sizes[0]} to ${sizes.at(-1)} keys of a head can ever ${threshold} (weight ${f}).`,
    `Every other key is below it for every query there could be (${guarantee} sets).`,
    '',
    table([['batch', 'head', 'keys', 'bound', 'rank', 'epsilon', 'undecided', 'which'], ...rows], ['which']),
    '',
  ];
}
