/** `levattention heavy`: every attention score of given queries that reaches epsilon. */
import { Command } from 'commander';
import { type HeavyScores, heavyScoresAsync } from '../attention/heavy-scores.js';
import type { HeadOf } from '../keys.js';
import type { CallOptions } from '../steps.js';
import { parseWeight } from '../weights/parse.js';
import { UsageError } from './failure.js';
import { openInput, type TensorInput } from './inputs.js';
import { parsedBy, parseEpsilon } from './options.js';
import type { Session } from './session.js';
import { counted, number, seconds, table } from './text.js';

interface HeavyOptions {
  readonly epsilon?: string;
  readonly f: string;
  readonly json?: boolean;
}

const help = `
QUERIES is [m, d] and KEYS [n, d]; or [batch, query heads, m, d] and [batch, key heads, n, d]
where the query heads are a multiple of the key heads. Files as for find.

Examples:
  levattention heavy queries.npy keys.npy --epsilon 0.05
  levattention heavy capture.safetensors#layer0.q capture.safetensors#layer0.k --epsilon 0.1 --json`;

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
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (queries: string, keys: string, options: HeavyOptions) =>
      print(await heavy(queries, keys, options, call)),
    );
}

async function heavy(q: string, k: string, options: HeavyOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  if (options.epsilon === undefined) throw new UsageError('--epsilon is needed, such as --epsilon 0.05');
  const settings = {
    epsilon: parseEpsilon(options.epsilon),
    f: parsedBy(parseWeight, options.f, '--f'),
    ...call,
  };
  const queries = await openInput(q);
  const keys = await openInput(k);
  const result = await heavyScoresAsync(keysOf(queries), keysOf(keys), settings);
  const elapsed = (performance.now() - started) / 1000;
  if (options.json) return JSON.stringify({ ...result, seconds: elapsed });
  const heads = 'heads' in result ? result.heads : [{ batch: 0, head: 0, ...result }];
  return [...inWords(heads, queries, keys), `took ${seconds(elapsed)}`].join('\n');
}

/** A matrix is read block by block, heads are read whole. */
function keysOf(input: TensorInput) {
  return input.flat ? input.heads()[0].matrix : input.whole();
}

function inWords(heads: readonly HeadOf<HeavyScores>[], queries: TensorInput, keys: TensorInput): string[] {
  const { epsilon, f } = heads[0];
  const count = heads.reduce((sum, head) => sum + head.scores.length, 0);
  const all = heads.length * queries.n * keys.n;
  const lines = [
    `${counted(count, 'score')} of ${all} ${count === 1 ? 'is' : 'are'} ${number(epsilon)} or more (weight ${f}); none is missed.`,
  ];
  if (count === 0) return lines;
  const strongest = heads
    .flatMap(({ batch, head, rows, cols, scores }) =>
      scores.map((score, i) => ({ batch, head, query: rows[i], key: cols[i], score })),
    )
    .sort((a, b) => b.score - a.score)
    .slice(0, 10);
  const flat = queries.flat;
  const rows = strongest.map(({ batch, head, query, key, score }) => [
    ...(flat ? [] : [`${batch}`, `${head}`]),
    `${query}`,
    `${key}`,
    number(score),
  ]);
  const heading = [...(flat ? [] : ['batch', 'query head']), 'query', 'key', 'score'];
  if (count > rows.length) lines.push(`The ${rows.length} largest (all with --json):`);
  return [...lines, '', table([heading, ...rows]), ''];
}
