/** `levattention sketch` and `merge`: summaries of parts, each on a machine or day of its own, and of all of them. */
import { Command } from 'commander';
import type { CallOptions } from '../steps.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import { parseWeight } from '../weights/parse.js';
import { about } from './inputs.js';
import { parsedBy, parseEpsilon, parseOffset } from './options.js';
import { checkOutput } from './outputs.js';
import { openRows } from './row-source.js';
import type { Session } from './session.js';
import { insertRows, readSketch, SKETCH_ENDING, writeSketch } from './sketching.js';
import { counted, number, seconds, thousands } from './text.js';

interface SketchCommandOptions {
  readonly epsilon: string;
  readonly f: string;
  readonly centre?: boolean;
  readonly offset: string;
  readonly raw?: string;
  readonly cols?: string;
  readonly output: string;
  readonly json?: boolean;
}

interface MergeOptions {
  readonly output: string;
  readonly json?: boolean;
}

const sketchHelp = `
PART is a .npy, .npz, .safetensors or Parquet file of shape [n, d], a URL, or '-' as for find. Its rows are counted from
--offset on, so that parts of one matrix keep their places.

Examples:
  levattention sketch part0.npy --epsilon 0.01 -o part0.lev
  levattention sketch part1.parquet --epsilon 0.01 --offset 1000000 -o part1.lev
  levattention merge part0.lev part1.lev -o all.lev
  levattention finish all.lev`;

const mergeHelp = `
The parts must be for the same columns, epsilon, weight and --centre, and no row may be in two of them.
The same parts in the same order give the same bytes; the set does not depend on the order.

Example:
  levattention merge part0.lev part1.lev part2.lev -o all.lev`;

/** `levattention sketch`. */
export function sketchCommand({ call, print }: Session): Command {
  return new Command('sketch')
    .summary('sum up a part of the keys, to be merged with others')
    .description(
      'Sums up keys in one pass: what is written is small, whatever their number, and holds enough to find the ' +
        'universal set of all parts together.',
    )
    .argument('<part>', "file of keys, or '-'")
    .requiredOption('--epsilon <e>', 'threshold of the attention score, in (0, 1]')
    .option(
      '--f <weight>',
      'power:P, huber:S, tukey:S, cauchy:S, welsch:S, gemanMcClure:S or l1l2:S',
      'power:2',
    )
    .option('--centre', 'cover queries with an offset too, f(<query, key> + b)')
    .option('--offset <row>', 'number of the first row', '0')
    .option('--raw <type>', "of '-': numbers without a header, f16, bf16, f32 or f64")
    .option('--cols <d>', 'with --raw: numbers of a key')
    .requiredOption('-o, --output <file.lev>', 'write the sketch')
    .option('--json', 'print JSON')
    .addHelpText('after', sketchHelp)
    .action(async (part: string, options: SketchCommandOptions) => print(await sketch(part, options, call)));
}

/** `levattention merge`. */
export function mergeCommand({ print }: Session): Command {
  return new Command('merge')
    .summary('the sketch of several parts')
    .description('Merges sketches of parts into the sketch of all their rows.')
    .argument('<parts...>', 'sketches, as sketch and merge write them')
    .requiredOption('-o, --output <file.lev>', 'write the sketch')
    .option('--json', 'print JSON')
    .addHelpText('after', mergeHelp)
    .action(async (parts: string[], options: MergeOptions) => print(await merge(parts, options)));
}

async function sketch(part: string, options: SketchCommandOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const epsilon = parseEpsilon(options.epsilon);
  const f = parsedBy(parseWeight, options.f, '--f');
  const offset = parseOffset(options.offset);
  checkOutput(options.output, [SKETCH_ENDING], '-o', [part]);
  const source = await openRows(part, options, call.signal);
  const empty = await about(
    source.name,
    async () => new UniversalSetSketch({ d: source.d, epsilon, f, centre: options.centre }),
  );
  const result = await insertRows(empty, source, call, { offset });
  const bytes = writeSketch(options.output, result);
  return told(result, bytes, options, started);
}

async function merge(parts: readonly string[], options: MergeOptions): Promise<string> {
  const started = performance.now();
  checkOutput(options.output, [SKETCH_ENDING], '-o', parts);
  const [first, ...others] = parts;
  const result = await readSketch(first);
  for (const part of others) {
    const other = await readSketch(part);
    await about(part, async () => result.merge(other));
  }
  const bytes = writeSketch(options.output, result);
  return told(result, bytes, options, started);
}

function told(
  { rows, ranges, d, f, epsilon, centre, held }: UniversalSetSketch,
  bytes: number,
  { output, json }: MergeOptions,
  started: number,
): string {
  const elapsed = (performance.now() - started) / 1000;
  const kept = held.indices.length;
  if (json)
    return JSON.stringify({
      rows,
      ranges,
      d,
      f: f.name,
      epsilon,
      centre,
      held: kept,
      bytes,
      seconds: elapsed,
    });
  const places = ranges.slice(0, 3).map(([start, end]) => `${start} to ${end - 1}`);
  return [
    `${counted(rows, 'row')} of ${counted(d, 'column')} summed up, for scores of ${number(epsilon)} or more (weight ${f.name}${centre ? ' with offset' : ''}).`,
    '',
    `rows     ${places.join(', ')}${ranges.length > 3 ? ` and ${ranges.length - 3} ranges more` : ''}`,
    `holds    ${kept} of them, which may still be heavy or came last`,
    `sketch   ${thousands(bytes)} bytes written to ${output}`,
    `took ${seconds(elapsed)}`,
  ].join('\n');
}
