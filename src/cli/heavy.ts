/** `levattention heavy`: every attention score of given queries that reaches epsilon. */
import { Command } from 'commander';
import { type HeavyScores, heavyOfHeads } from '../attention/heavy-scores.js';
import { runAsync } from '../kernels/run-async.js';
import { type HeadOf, type PerHead, resultFor } from '../keys.js';
import { lpCoresetAsync } from '../scores/coreset.js';
import type { CallOptions } from '../steps.js';
import { parseWeight } from '../weights/parse.js';
import type { WeightFunction } from '../weights/weight.js';
import { UsageError } from './failure.js';
import { about, aboutInputs, headsIn, keysOf, openInput, type TensorInput } from './inputs.js';
import { parsedBy, parseEpsilon, parseSeed, parseShare, parseThreads } from './options.js';
import type { Session } from './session.js';
import { counted, number, seconds, table } from './text.js';

interface HeavyOptions {
  readonly epsilon?: string;
  readonly f: string;
  readonly coresetEta?: string;
  readonly seed?: string;
  readonly threads: string;
  readonly json?: boolean;
}

const help = `
QUERIES is [m, d] and KEYS [n, d]; or [batch, query heads, m, d] and [batch, key heads, n, d]
where the query heads are a multiple of the key heads. Files as for find.

Examples:
  levattention heavy queries.npy keys.npy --epsilon 0.05
  levattention heavy capture.safetensors#layer0.q capture.safetensors#layer0.k --epsilon 0.1 --json
  levattention heavy queries.npy keys.npy --epsilon 0.05 --f power:1 --coreset-eta 0.3`;

/** The command. */
export function heavyCommand({ call, print }: Session): Command {
  return new Command('heavy')
    .summary('every attention score of given queries that is at least epsilon')
    .description(
      'Lists every score f(<q,k>) / sum of f(<q,k>) over all keys that is EPSILON or more, with its exact value; ' +
        'none is missed.',
    )
    .argument('<queries>', 'file of queries')
    .argument('<keys>', 'file of keys')
    .option('--epsilon <e>', 'least score, in (0, 1]')
    .option(
      '--f <weight>',
      'power:P, huber:S, tukey:S, cauchy:S, welsch:S, gemanMcClure:S or l1l2:S',
      'power:2',
    )
    .option(
      '--coreset-eta <e>',
      'for power:P: sum over a row sample that holds 1 +- E with probability 0.99, in (0, 1); scores become intervals',
    )
    .option('--seed <seed>', 'seed of the row sample')
    .option(
      '--threads <n>',
      'worker threads that share the passes over the keys; the result is the same',
      '1',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (queries: string, keys: string, options: HeavyOptions) => {
      const threads = parseThreads(options.threads);
      print(await heavy(queries, keys, options, { ...call, threads }));
    });
}

async function heavy(q: string, k: string, options: HeavyOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  if (options.epsilon === undefined) throw new UsageError('--epsilon is needed, such as --epsilon 0.05');
  const f = parsedBy(parseWeight, options.f, '--f');
  const settings = { epsilon: parseEpsilon(options.epsilon), f, ...call };
  const sampling = samplingOf(options, f);
  const queries = await openInput(q);
  const keys = await openInput(k);
  const normaliser =
    sampling && (await about(k, () => lpCoresetAsync(keysOf(keys), { ...sampling, ...call })));
  const queryHeads = headsIn(queries);
  const found = await aboutInputs({ queries: q, keys: k }, () =>
    runAsync(heavyOfHeads(queryHeads, headsIn(keys), { ...settings, normaliser }), call),
  );
  const result: PerHead<HeavyScores> = resultFor(queryHeads, found);
  const elapsed = (performance.now() - started) / 1000;
  if (options.json) return JSON.stringify({ ...result, seconds: elapsed });
  const heads = queryHeads.list.map(({ batch, head }, i) => ({ batch, head, ...found[i] }));
  return [...inWords(heads, queries, keys), `took ${seconds(elapsed)}`].join('\n');
}

/** How the rows are drawn that normalise; undefined where all keys do. */
function samplingOf({ coresetEta, seed }: HeavyOptions, f: WeightFunction) {
  if (coresetEta === undefined) {
    if (seed !== undefined) throw new UsageError('--seed belongs to --coreset-eta');
    return undefined;
  }
  if (f.power === undefined) throw new UsageError(`--coreset-eta is for --f power:P, got ${f.name}`);
  return { p: f.power, eta: parseShare(coresetEta, '--coreset-eta'), seed: parseSeed(seed ?? '0') };
}

function inWords(heads: readonly HeadOf<HeavyScores>[], queries: TensorInput, keys: TensorInput): string[] {
  const { epsilon, f, intervals } = heads[0];
  const count = heads.reduce((sum, head) => sum + head.scores.length, 0);
  const all = heads.length * queries.n * keys.n;
  const found = `${counted(count, 'score')} of ${all} ${count === 1 ? 'is' : 'are'}`;
  const lines = intervals
    ? [
        `${found} possibly ${number(epsilon)} or more (weight ${f}); none is missed and all are between their ends, with probability ${number(1 - intervals.delta!)}${queries.flat ? '' : ' in each head'}.`,
      ]
    : [`${found} ${number(epsilon)} or more (weight ${f}); none is missed.`];
  if (count === 0) return lines;
  const strongest = heads
    .flatMap(({ batch, head, rows, cols, scores, intervals }) =>
      scores.map((score, i) => {
        const ends = intervals ? [intervals.lower[i], intervals.upper[i]] : [];
        return { batch, head, query: rows[i], key: cols[i], score, ends };
      }),
    )
    .sort((a, b) => b.score - a.score)
    .slice(0, 10);
  const flat = queries.flat;
  const rows = strongest.map(({ batch, head, query, key, score, ends }) => [
    ...(flat ? [] : [`${batch}`, `${head}`]),
    `${query}`,
    `${key}`,
    number(score),
    ...ends.map(number),
  ]);
  const heading = [
    ...(flat ? [] : ['batch', 'query head']),
    'query',
    'key',
    'score',
    ...(intervals ? ['from', 'to'] : []),
  ];
  if (count > rows.length) lines.push(`The ${rows.length} largest (all with --json):`);
  return [...lines, '', table([heading, ...rows]), ''];
}
