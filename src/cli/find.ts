/** `levattention find`: the keys that can ever be heavy, for every query there could be. */
import { Command } from 'commander';
import type { ArrayToWrite } from '../io/index.js';
import type { HeadOf } from '../keys.js';
import { leverageScoresAsync } from '../scores/leverage.js';
import type { CallOptions } from '../steps.js';
import type { UniversalSet } from '../universal-set/result.js';
import { type UniversalSetOptions, universalSetAsync } from '../universal-set/universal-set.js';
import { parseWeight } from '../weights/parse.js';
import { UsageError } from './failure.js';
import { writeFileAtomic } from './file-source.js';
import { eachHead, openInput, type TensorInput } from './inputs.js';
import { parseCount, parsedBy, parseEpsilon, parseThreads } from './options.js';
import { checkOutput, indexArray, writeArrays } from './outputs.js';
import { light, standAlone } from './report/palette.js';
import { scoreChart } from './report/score-chart.js';
import type { Session } from './session.js';
import { counted, listed, number, seconds, table } from './text.js';

interface FindOptions {
  readonly epsilon?: string;
  readonly top?: string;
  readonly f: string;
  readonly exact?: boolean;
  readonly centre?: boolean;
  readonly output?: string;
  readonly plot?: string;
  readonly threads: string;
  readonly json?: boolean;
}

const help = `
KEYS is a .npy, .npz or .safetensors file of shape [n, d] or [batch, heads, n, d]; FILE#NAME
chooses a tensor of a file that holds several. Exactly one of --epsilon and --top is needed.

Examples:
  levattention find keys.npy --epsilon 0.05
  levattention find capture.safetensors#layer0.k --top 32 --json
  levattention find keys.npy --epsilon 0.1 --f huber:1.5 -o set.npy --plot scores.svg
  levattention find keys.npy --epsilon 0.01 --threads 4`;

/** The command. */
export function findCommand({ call, print }: Session): Command {
  return new Command('find')
    .summary('the keys that can ever be heavy, for every query there could be')
    .description(
      'Finds the universal set: every key that some query, real or not, can give a share of at least EPSILON of its ' +
        'whole weight f(<query, key>). A set marked minimal holds no other key; of many keys, a part of them decides quickly ' +
        'what may be heavy, which can leave a few more in: --exact takes them out.',
    )
    .argument('<keys>', 'file of keys')
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
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (keys: string, options: FindOptions) => {
      const threads = parseThreads(options.threads);
      print(await find(keys, options, { ...call, threads }));
    });
}

async function find(reference: string, options: FindOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const choice = choiceOf(options);
  if (options.output !== undefined)
    checkOutput(options.output, ['.npy', '.npz', '.safetensors'], '-o', [reference]);
  if (options.plot !== undefined) checkOutput(options.plot, ['.svg'], '--plot', [reference]);
  const input = await openInput(reference);
  if (choice.top !== undefined && choice.top > input.n)
    throw new UsageError(`--top must be at most the number of keys, ${input.n}, got ${choice.top}`);
  if (!input.flat && options.output?.toLowerCase().endsWith('.npy'))
    throw new UsageError(
      `-o must end in .npz or .safetensors for the sets of several heads, got '${options.output}'`,
    );
  const sets = await eachHead(input, ({ matrix }) => universalSetAsync(matrix, { ...choice, ...call }));
  const elapsed = (performance.now() - started) / 1000;
  const picture = options.plot && (await draw(input, sets, choice, call));
  if (options.output) writeArrays(options.output, arraysOf(input, sets));
  if (options.plot && picture) writeFileAtomic(options.plot, [picture]);
  return options.json ? json(input, sets, elapsed) : inWords(input, sets, options, elapsed);
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
  const order = sets.map((_, i) => i).sort((a, b) => sets[a].indices.length - sets[b].indices.length);
  const median = order[Math.floor(order.length / 2)];
  const svg = await scoreChart({
    scores: scores[median],
    n: input.n,
    epsilon: sets[median].epsilon,
    kept: sets[median].indices.length,
    others: scores.filter((_, i) => i !== median),
  });
  return standAlone(svg, light);
}

function arraysOf(input: TensorInput, sets: readonly HeadOf<UniversalSet>[]): Record<string, ArrayToWrite> {
  const name = ({ batch, head }: HeadOf<UniversalSet>) =>
    input.flat ? 'indices' : `batch${batch}.head${head}`;
  return Object.fromEntries(sets.map((set) => [name(set), indexArray(set.indices)]));
}

function json(input: TensorInput, sets: readonly HeadOf<UniversalSet>[], elapsed: number): string {
  if (!input.flat) {
    const { f } = sets[0];
    // With --top each head has a threshold of its own.
    const epsilon = sets.every((set) => set.epsilon === sets[0].epsilon) ? sets[0].epsilon : null;
    return JSON.stringify({ f, epsilon, heads: sets, seconds: elapsed });
  }
  const { batch, head, ...set } = sets[0];
  return JSON.stringify({ ...set, seconds: elapsed });
}

function inWords(
  input: TensorInput,
  sets: readonly HeadOf<UniversalSet>[],
  options: FindOptions,
  elapsed: number,
): string {
  const lines = input.flat ? oneSet(sets[0], options) : manySets(sets, options);
  if (options.output) lines.push(`indices written to ${options.output}`);
  if (options.plot) lines.push(`picture written to ${options.plot}`);
  return [...lines, `took ${seconds(elapsed)}`].join('\n');
}

function oneSet(set: UniversalSet, options: FindOptions): string[] {
  const { n, rank, d, indices, margin, undecided, sizeBound, scoreKind } = set;
  const most = scoreKind === 'upper' ? 'at most ' : '';
  const strongest = indices
    .map((index, i) => ({ index, score: set.scores[i] }))
    .sort((a, b) => b.score - a.score);
  return [
    ...verdict(set, options),
    '',
    `keys       ${listed(indices) || 'none'}`,
    `strongest  ${
      strongest
        .slice(0, 5)
        .map(({ index, score }) => `${index} (${most}${number(score)})`)
        .join('  ') || 'none'
    }`,
    `guarantee  ${set.guarantee}, rounding margin ${number(margin)}, ${counted(undecided.length, 'key')} undecided${undecided.length > 0 ? ' and kept' : ''}`,
    `bound      theory allows ${Math.floor(Math.min(n, sizeBound))} of ${n} keys here (rank ${rank} of ${d} columns)`,
  ];
}

/** What the set means, in words. */
function verdict(
  { n, indices, epsilon, guarantee, f }: UniversalSet,
  { top, centre }: FindOptions,
): string[] {
  const who = `${indices.length} of ${n} keys`;
  const weight = `weight ${f}${centre ? ' with offset' : ''}`;
  if (top !== undefined)
    return [
      `The ${counted(indices.length, 'key')} of largest possible score, of ${n} (${weight}).`,
      `Every score above ${number(epsilon)}, for any query there could be, lies on one of them.`,
    ];
  if (indices.length === 0)
    return [
      `No key of ${n} can ever score ${number(epsilon)} or more, for any query there could be (${weight}).`,
    ];
  if (guarantee === 'minimal')
    return [
      `${who} can ever score ${number(epsilon)} or more (${weight}).`,
      'Every other key is below it for every query there could be; each of these reaches it for some query.',
    ];
  return [
    `At most ${who} can ever score ${number(epsilon)} or more (${weight}).`,
    'Every other key is below it for every query there could be; some of these may be, too.',
  ];
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
