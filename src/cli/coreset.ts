/** `levattention coreset`: few weighted rows that stand for all, for sums of |<k,y>|^p. */
import { Command } from 'commander';
import type { ArrayToWrite } from '../io/index.js';
import type { HeadOf } from '../keys.js';
import { type LpCoreset, type LpCoresetOptions, lpCoresetAsync } from '../scores/coreset.js';
import type { CallOptions } from '../steps.js';
import { UsageError } from './failure.js';
import { about, keysOf, openInput, type TensorInput } from './inputs.js';
import { parseCount, parsePositive, parseSeed, parseShare } from './options.js';
import { checkOutput, indexArray, writeArrays } from './outputs.js';
import type { Session } from './session.js';
import { counted, listed, number, seconds, table } from './text.js';

interface CoresetOptions {
  readonly power?: string;
  readonly rows?: string;
  readonly eta?: string;
  readonly delta?: string;
  readonly seed: string;
  readonly centre?: boolean;
  readonly output?: string;
  readonly json?: boolean;
}

const help = `
KEYS as for find. Exactly one of --rows and --eta is needed. The output holds \`indices\` and
\`weights\`; of several heads, one of each for every head.

Examples:
  levattention coreset keys.npy --power 1.5 --rows 2000 -o sample.npz
  levattention coreset keys.npy --power 1 --eta 0.2 --seed 7 --json`;

/** The command. */
export function coresetCommand({ call, print }: Session): Command {
  return new Command('coreset')
    .summary('few weighted rows whose sums of |<k,y>|^P are those of all rows')
    .description(
      'Samples rows by Lewis weights: for every y at once, the weighted sum of |<k,y>|^P over the sample is about that ' +
        'over all rows. With --eta it is within 1 +- ETA with probability 1 - DELTA, proved; with --rows nothing is promised.',
    )
    .argument('<keys>', 'file of rows')
    .option('--power <p>', 'P, a positive number')
    .option('--rows <m>', 'expected number of rows')
    .option('--eta <e>', 'as many rows as are proved to hold 1 +- ETA, in (0, 1)')
    .option('--delta <d>', 'with --eta: the probability that it fails, in (0, 1); 0.01 unless given')
    .option('--seed <seed>', 'seed of the draws', '0')
    .option('--centre', 'sums with an offset too, |<k,y> + b|^P')
    .option('-o, --output <file>', 'write indices and weights: .npz or .safetensors')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (keys: string, options: CoresetOptions) => print(await coreset(keys, options, call)));
}

async function coreset(reference: string, options: CoresetOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const settings = settingsOf(options);
  if (options.output !== undefined) checkOutput(options.output, ['.npz', '.safetensors'], '-o', [reference]);
  const input = await openInput(reference);
  const result = await about(reference, () => lpCoresetAsync(keysOf(input), { ...settings, ...call }));
  const samples = 'heads' in result ? result.heads : [{ batch: 0, head: 0, ...result }];
  const elapsed = (performance.now() - started) / 1000;
  if (options.output) writeArrays(options.output, arraysOf(input, samples));
  if (options.json) return JSON.stringify({ ...result, seconds: elapsed });
  const lines = input.flat ? oneSample(samples[0]) : manySamples(samples);
  if (options.output) lines.push(`indices and weights written to ${options.output}`);
  return [...lines, `took ${seconds(elapsed)}`].join('\n');
}

function settingsOf({ power, rows, eta, delta, seed, centre }: CoresetOptions): LpCoresetOptions {
  if (power === undefined) throw new UsageError('--power is needed, such as --power 1.5');
  if ((rows === undefined) === (eta === undefined))
    throw new UsageError(`give ${rows === undefined ? 'one' : 'only one'} of --rows and --eta`);
  if (delta !== undefined && eta === undefined) throw new UsageError('--delta belongs to --eta');
  return {
    p: parsePositive(power, '--power'),
    ...(rows === undefined ? {} : { rows: parseCount(rows, '--rows') }),
    ...(eta === undefined ? {} : { eta: parseShare(eta, '--eta') }),
    ...(delta === undefined ? {} : { delta: parseShare(delta, '--delta') }),
    seed: parseSeed(seed),
    centre: centre ?? false,
  };
}

function arraysOf(input: TensorInput, samples: readonly HeadOf<LpCoreset>[]): Record<string, ArrayToWrite> {
  return Object.fromEntries(
    samples.flatMap(({ batch, head, indices, weights }) => {
      const place = input.flat ? '' : `batch${batch}.head${head}.`;
      return [
        [`${place}indices`, indexArray(indices)],
        [`${place}weights`, { data: Float64Array.from(weights), shape: [weights.length] }],
      ];
    }),
  );
}

/** What the sample promises, in words. */
function promise({ eta, delta, guarantee, p }: LpCoreset, where = ''): string {
  if (guarantee === 'exact') return 'Every row that is not zero is kept: the sums are those of all rows.';
  if (guarantee === 'none') return `How accurate their sums of |<k,y>|^${p} are is not known.`;
  return `For every y at once their sums of |<k,y>|^${p} are within 1 +- ${number(eta!)}, with probability ${number(1 - delta!)}${where}.`;
}

function oneSample(sample: LpCoreset): string[] {
  const { n, indices, weights, rows, seed } = sample;
  const certain = indices.filter((_, t) => weights[t] === 1);
  return [
    `${indices.length} of ${counted(n, 'row')} kept, ${number(rows)} expected (seed ${seed}).`,
    promise(sample),
    '',
    `certain  ${listed(certain) || 'none'}`,
    `weights  ${number(Math.min(...weights))} to ${number(Math.max(...weights))}`,
  ];
}

function manySamples(samples: readonly HeadOf<LpCoreset>[]): string[] {
  const rows = samples.map(({ batch, head, indices, rows, eta }) => [
    `${batch}`,
    `${head}`,
    `${indices.length}`,
    number(rows),
    eta === null ? 'unknown' : number(eta),
  ]);
  return [
    `${samples.length} heads of ${samples[0].n} rows each.`,
    promise(samples.find(({ guarantee }) => guarantee !== 'exact') ?? samples[0], ' in each head'),
    '',
    table([['batch', 'head', 'rows', 'expected', 'eta'], ...rows]),
    '',
  ];
}
