/** `levattention attend`: attention over a few selected keys, and what that costs. */
import { Command } from 'commander';
import { compareAttentionAsync, type HeadComparison } from '../attention/compare.js';
import {
  type LevAttentionOptions,
  type LevAttentionResult,
  levAttentionAsync,
} from '../attention/lev-attention.js';
import { parseSelector, selectorNames } from '../attention/selectors/index.js';
import type { Selector } from '../attention/selectors/selector.js';
import { usualSelector } from '../attention/storage.js';
import { parseTail, tailNames } from '../attention/tail/index.js';
import type { Tail } from '../attention/tail/tail.js';
import type { CallOptions } from '../steps.js';
import { parseWeight } from '../weights/parse.js';
import { UsageError } from './failure.js';
import { aboutInputs, openInput, openOption } from './inputs.js';
import {
  parseCount,
  parsedBy,
  parseEpsilon,
  parseIndices,
  parsePositive,
  parseSeed,
  parseThreads,
  resolveIndices,
} from './options.js';
import { checkOutput, writeArrays } from './outputs.js';
import { meanOf } from './report/figures.js';
import type { Session } from './session.js';
import { counted, number, percent, seconds, table } from './text.js';

interface AttendOptions {
  readonly keys?: string;
  readonly epsilon?: string;
  readonly weights: string;
  readonly select?: string;
  readonly tail: string;
  readonly scale?: string;
  readonly causal?: boolean;
  readonly attnMask?: string;
  readonly logWeights?: string;
  readonly threads: string;
  readonly always?: string;
  readonly seed?: string;
  readonly compare?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

const help = `
Q is [m, d], K [n, d], V [n, dv]; or [batch, query heads, m, d], [batch, key heads, n, d] and
[batch, key heads, n, dv] where the query heads are a multiple of the key heads. Files as for
find. A mask broadcasts to [m, n], or [batch, query heads, m, n]; log-weights to [n], or
[batch, key heads, n]. -Infinity and false hide a key; one that no query sees is never kept.

Which keys are kept is a heuristic for softmax: --compare measures what it costs.

Selectors: ${selectorNames.slice(0, 6).join(', ')},
${selectorNames.slice(6).join(', ')} (numbers after a colon may change).

Tails say what stands in for the other keys; --keys then counts all stored pairs:
  drop                nothing (the paper's operator)
  sample:exact=0.5    a uniform sample of them, each counting for as many as there are
  mean                one pair, their mean
  moments             the Gaussian closed form, or the mean where that errs less on some queries
  clusters            centres weighing as many keys as they stand for; window=SHARE of the pairs
                      are the first and the last keys, exact=SHARE others, which go
                      by=residual|selector|both|attention; metric=euclidean|queries,
                      values|keys, weights=counts|spread; what is left out is chosen for each
                      head on some queries
With mean, moments and clusters a mask must be the same for all queries of a key head, as in
[batch, 1, 1, n]; moments is for softmax alone.

Examples:
  levattention attend q.npy k.npy v.npy --keys 64 --compare -o out.npy
  levattention attend q.npy k.npy v.npy --keys 64 --tail clusters --compare
  levattention attend cap.safetensors#q cap.safetensors#k cap.safetensors#v \\
    --keys 32 --causal --select leverage-centred --always 0-3 --compare --json
  levattention attend q.npy k.npy v.npy --epsilon 0.05 --weights power:2 -o out.safetensors`;

/** The command. */
export function attendCommand({ call, print }: Session): Command {
  return new Command('attend')
    .summary('attention over a few selected keys')
    .description(
      'Computes attention over the keys that a selector keeps in each head, and with --compare how far that is from ' +
        'attention over all keys. Equally good keys go by the lower index.',
    )
    .argument('<q>', 'file of queries')
    .argument('<k>', 'file of keys')
    .argument('<v>', 'file of values')
    .option('--keys <k>', 'number of keys, or with --tail of pairs, that each head stores')
    .option('--epsilon <e>', 'keep the universal set at this threshold instead')
    .option('--weights <weights>', 'softmax, or power:P for |<q,k>|^P', 'softmax')
    .option(
      '--select <selector>',
      'which keys to keep, see below; leverage unless given, with clusters leverage-centred',
    )
    .option('--tail <tail>', `what stands in for the others: ${tailNames.join(', ')}, see below`, 'drop')
    .option('--scale <s>', 'softmax weights are exp(S <q,k>); 1/sqrt(d) unless given')
    .option('--causal', 'query i of m sees the keys up to i + n - m')
    .option(
      '--attn-mask <file>',
      'mask of queries and keys: truth values, or numbers that are added to logits',
    )
    .option('--log-weights <file>', "numbers that are added to the logarithms of the keys' weights")
    .option('--always <list>', 'positions that every head keeps, such as 0-3,-1; they count towards --keys')
    .option('--seed <seed>', 'seed of the selectors that draw', '0')
    .option('--threads <n>', 'worker threads that share the work; the result is the same', '1')
    .option('--compare', 'measure error and kept mass against exact attention')
    .option('-o, --output <file>', 'write the output: .npy, .npz or .safetensors')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (q: string, k: string, v: string, options: AttendOptions) =>
      print(await attend([q, k, v], options, call)),
    );
}

async function attend(references: string[], options: AttendOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const { output, compare = false } = options;
  const choice = choiceOf(options);
  const threads = parseThreads(options.threads);
  const more = { attnMask: options.attnMask, logWeights: options.logWeights };
  const read = [...references, ...Object.values(more).filter((file) => file !== undefined)];
  if (output === undefined && !compare) throw new UsageError('give an output file with -o, or --compare');
  if (output !== undefined) checkOutput(output, ['.npy', '.npz', '.safetensors'], '-o', read);
  const inputs = [];
  for (const reference of references) inputs.push(await openInput(reference));
  const { n } = inputs[1];
  if (choice.keys !== undefined && choice.keys > n)
    throw new UsageError(`--keys must be at most the number of keys, ${n}, got ${choice.keys}`);
  const always = resolveIndices(
    options.always === undefined ? [] : parseIndices(options.always, '--always'),
    n,
    '--always',
  );
  if (choice.keys !== undefined && choice.keys < always.length)
    throw new UsageError(
      `--keys must be at least the ${always.length} positions of --always, got ${choice.keys}`,
    );
  const [q, k, v] = inputs.map((input) => input.whole());
  const attnMask = await openOption(more.attnMask, true);
  const logWeights = await openOption(more.logWeights, false);
  const settings = { ...choice, attnMask, logWeights, always, ...call, threads };
  const result = await aboutInputs({ q: references[0], k: references[1], v: references[2], ...more }, () =>
    levAttentionAsync(q, k, v, settings),
  );
  const elapsed = (performance.now() - started) / 1000;
  const comparison = compare ? (await compareAttentionAsync(q, k, v, [result], settings))[0] : undefined;
  if (output) writeArrays(output, { out: result.out });
  return options.json
    ? json(result, comparison, { ...options, select: choice.select.name }, elapsed)
    : inWords(result, comparison, { ...options, select: choice.select.name }, n, elapsed);
}

function choiceOf(options: AttendOptions): LevAttentionOptions & { select: Selector; tail: Tail } {
  const { keys, epsilon, weights, scale, causal = false, seed = '0' } = options;
  if ((keys === undefined) === (epsilon === undefined))
    throw new UsageError(`give ${keys === undefined ? 'one' : 'only one'} of --keys and --epsilon`);
  const kept =
    epsilon === undefined ? { keys: parseCount(keys!, '--keys') } : { epsilon: parseEpsilon(epsilon) };
  const tail = parsedBy(parseTail, options.tail, '--tail');
  if (tail.name !== 'drop' && epsilon !== undefined)
    throw new UsageError(`--tail ${tail.name} needs --keys, the number of stored pairs`);
  if (tail.softmaxOnly && weights !== 'softmax')
    throw new UsageError(`--tail ${tail.name} is for softmax, not for --weights ${weights}`);
  const select = options.select ?? usualSelector(tail);
  const selector = parsedBy(parseSelector, select, '--select');
  if (epsilon !== undefined && !['leverage', 'leverage-centred'].includes(selector.name))
    throw new UsageError(`--select must be leverage or leverage-centred with --epsilon, got '${select}'`);
  if (weights !== 'softmax' && scale !== undefined)
    throw new UsageError(`--scale belongs to softmax, not to --weights ${weights}`);
  return {
    ...kept,
    select: selector,
    tail,
    weights: weightsOf(weights),
    scale: scale === undefined ? undefined : parsePositive(scale, '--scale'),
    mask: causal ? 'causal' : 'none',
    seed: parseSeed(seed),
  };
}

function weightsOf(text: string): LevAttentionOptions['weights'] {
  if (text === 'softmax') return 'softmax';
  const weight = text.startsWith('power:') ? parsedBy(parseWeight, text, '--weights') : undefined;
  if (weight?.power === undefined)
    throw new UsageError(`--weights must be softmax or power:P, e.g. power:2, got '${text}'`);
  return weight;
}

function json(
  { out, heads }: LevAttentionResult,
  comparison: readonly HeadComparison[] | undefined,
  { select, tail, weights, causal = false, epsilon, keys }: AttendOptions,
  elapsed: number,
): string {
  return JSON.stringify({
    select,
    tail,
    weights,
    causal,
    ...(epsilon === undefined ? { keys: Number(keys) } : { epsilon: Number(epsilon) }),
    shape: out.shape,
    heads: heads.map(({ stored, ...head }) => ({
      ...head,
      ...(stored && {
        members: Array.from(stored.members),
        logWeights: Array.from(stored.logWeights),
        ...(stored.signs && { signs: Array.from(stored.signs) }),
        moments: stored.moments,
      }),
    })),
    ...(comparison && { comparison }),
    seconds: elapsed,
  });
}

function inWords(
  { out, heads }: LevAttentionResult,
  comparison: readonly HeadComparison[] | undefined,
  { select, tail, weights, causal, output }: AttendOptions,
  n: number,
  elapsed: number,
): string {
  const kept = range(heads.map(({ indices }) => indices.length));
  // The closed form of moments counts as a pair.
  const pairs = range(
    heads.map(({ indices, stored }) =>
      stored ? stored.logWeights.length + (stored.moments ? 1 : 0) : indices.length,
    ),
  );
  const what = tail === 'drop' ? `${kept} of ${n} keys` : `${pairs} pairs for ${n} keys`;
  const how =
    tail === 'drop' ? `chosen by ${select}` : `${kept} of them keys as they are; ${select}, tail ${tail}`;
  const where = heads.length === 1 ? '' : ` in each of ${counted(heads.length, 'key head')}`;
  const lines = [`Attention over ${what}${where}, ${how} (${weights}${causal ? ', causal' : ''}).`];
  if (comparison) lines.push('', ...compared(comparison), '');
  if (output) lines.push(`output [${out.shape.join(', ')}] written to ${output}`);
  lines.push(`took ${seconds(elapsed)}`);
  return lines.join('\n');
}

/** `7`, or `3 to 9`. */
function range(sizes: readonly number[]): string {
  const sorted = [...sizes].sort((a, b) => a - b);
  return sorted[0] === sorted.at(-1) ? `${sorted[0]}` : `${sorted[0]} to ${sorted.at(-1)}`;
}

function compared(comparison: readonly HeadComparison[]): string[] {
  const [error, mass] = [
    meanOf(comparison.map((head) => head.error)),
    meanOf(comparison.map((head) => head.mass)),
  ];
  const divergences = comparison.flatMap(({ divergence }) => divergence ?? []);
  const divergence =
    divergences.length === 0 ? '' : `; the weights diverge by ${number(meanOf(divergences))} nats`;
  const summary = `Against exact attention over all keys the output is off by ${percent(error)}, and the kept keys hold ${percent(mass)} of the weight${divergence}.`;
  if (comparison.length === 1) return [summary];
  const rows = comparison.map((head) => [
    `${head.batch}`,
    `${head.head}`,
    number(head.error),
    number(head.mass),
    head.divergence === undefined ? '' : number(head.divergence),
  ]);
  return [
    `${summary.slice(0, -1)} (means over heads).`,
    '',
    table([['batch', 'query head', 'relative error', 'mass kept', 'divergence'], ...rows]),
  ];
}
