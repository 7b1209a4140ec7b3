/** `levattention lifetimes`: from when until when each key can be heavy under causal attention. */
import { Command } from 'commander';
import type { HeadOf } from '../keys.js';
import type { CallOptions } from '../steps.js';
import { type KeyLifetimes, keyLifetimesAsync } from '../universal-set/causal.js';
import { writeFileAtomic } from './file-source.js';
import { eachHead, openInput, type TensorInput } from './inputs.js';
import { parseEpsilon } from './options.js';
import { checkOutput } from './outputs.js';
import { aliveChart } from './report/alive-chart.js';
import { light, standAlone } from './report/palette.js';
import type { Session } from './session.js';
import { counted, number, seconds, table } from './text.js';

interface LifetimesOptions {
  readonly epsilon: string;
  readonly plot?: string;
  readonly json?: boolean;
}

const help = `
KEYS is a .npy, .npz or .safetensors file of shape [n, d] or [batch, heads, n, d], in the order of
the sequence; FILE#NAME chooses a tensor of a file that holds several.

Examples:
  levattention lifetimes keys.npy --epsilon 0.05
  levattention lifetimes capture.safetensors#layer0.k --epsilon 0.05 --plot alive.svg`;

/** The command. */
export function lifetimesCommand({ call, print }: Session): Command {
  return new Command('lifetimes')
    .summary('until when each key of a causal sequence can be heavy')
    .description(
      'Finds for each key the last position at which some query that sees the keys up to there, real or not, can give ' +
        'it a share of at least EPSILON of its whole weight <query, key>^2. A cache may drop the key after it.',
    )
    .argument('<keys>', 'file of keys')
    .requiredOption('--epsilon <e>', 'threshold of the attention score, in (0, 1]')
    .option('--plot <file.svg>', 'draw how many keys are alive at each position')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (keys: string, options: LifetimesOptions) => print(await lifetimes(keys, options, call)));
}

async function lifetimes(reference: string, options: LifetimesOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const epsilon = parseEpsilon(options.epsilon);
  if (options.plot !== undefined) checkOutput(options.plot, ['.svg'], '--plot', [reference]);
  const input = await openInput(reference);
  const results = await eachHead(input, ({ matrix }) => keyLifetimesAsync(matrix, { epsilon, ...call }));
  const elapsed = (performance.now() - started) / 1000;
  if (options.plot) writeFileAtomic(options.plot, [standAlone(await aliveChart(results), light)]);
  return options.json ? json(input, results, elapsed) : inWords(input, results, options, elapsed);
}

function json(input: TensorInput, results: readonly HeadOf<KeyLifetimes>[], elapsed: number): string {
  const plain = results.map(({ lastNeeded, alive, ...rest }) => ({
    ...rest,
    lastNeeded: Array.from(lastNeeded),
    alive: Array.from(alive),
  }));
  if (!input.flat) return JSON.stringify({ epsilon: results[0].epsilon, heads: plain, seconds: elapsed });
  const { batch, head, ...result } = plain[0];
  return JSON.stringify({ ...result, seconds: elapsed });
}

/** Keys that can be heavy at their own position, and keys that still can at the end. */
function counts({ n, lastNeeded }: KeyLifetimes): { ever: number; end: number } {
  return {
    ever: lastNeeded.reduce((sum, last, j) => sum + Number(last >= j), 0),
    end: lastNeeded.reduce((sum, last) => sum + Number(last === n - 1), 0),
  };
}

function inWords(
  input: TensorInput,
  results: readonly HeadOf<KeyLifetimes>[],
  options: LifetimesOptions,
  elapsed: number,
): string {
  const lines = input.flat ? oneHead(results[0]) : manyHeads(results);
  if (options.plot) lines.push(`picture written to ${options.plot}`);
  return [...lines, `took ${seconds(elapsed)}`].join('\n');
}

function oneHead(result: KeyLifetimes): string[] {
  const { n, d, rank, epsilon, guarantee, peak, sizeBound, undecided } = result;
  const { ever, end } = counts(result);
  return [
    `A cache that drops each key when its lifetime ends holds at most ${peak} of ${n} keys at a time.`,
    `It misses no score of ${number(epsilon)} or more, for any query there could be at any position.`,
    '',
    `ever       ${counted(ever, 'key')} can be heavy when new: what a cache that never drops has to keep`,
    `end        ${counted(end, 'key')} still can after the last one`,
    `guarantee  ${guarantee}, ${counted(undecided.length, 'key')} undecided${undecided.length > 0 ? ' and kept longer' : ''}`,
    `bound      theory allows ${Math.floor(Math.min(n, sizeBound))} at a time (rank ${rank} of ${d} columns)`,
  ];
}

function manyHeads(results: readonly HeadOf<KeyLifetimes>[]): string[] {
  const { n, epsilon } = results[0];
  const rows = results.map((result) => {
    const { ever, end } = counts(result);
    const bound = Math.floor(Math.min(n, result.sizeBound));
    const { batch, head, peak, undecided } = result;
    return [batch, head, peak, bound, ever, end, undecided.length].map(String);
  });
  const peaks = results.map(({ peak }) => peak).sort((a, b) => a - b);
  return [
    `${results.length} heads of ${n} keys each: ${peaks[0]} to ${peaks.at(-1)} keys of a head are alive at a time (score ${number(epsilon)} or more).`,
    'A cache that drops the others misses no such score, for any query there could be at any position.',
    '',
    table([['batch', 'head', 'peak', 'bound', 'ever', 'end', 'undecided'], ...rows]),
    '',
  ];
}
