/** `levattention finish` and `filter`: the set of all rows of a sketch, and the heavy rows of a second pass over a part. */
import { Command } from 'commander';
import { runAsync } from '../kernels/run-async.js';
import type { CallOptions } from '../steps.js';
import type { HeavyRows } from '../universal-set/second-pass.js';
import { InputError } from './failure.js';
import { about } from './inputs.js';
import { parseOffset } from './options.js';
import { checkOutput, indexArray, writeArrays } from './outputs.js';
import { checkOffset, openRows } from './row-source.js';
import type { Session } from './session.js';
import { oneSet } from './set-in-words.js';
import { readSketch } from './sketching.js';
import { counted, listed, number, seconds } from './text.js';

interface FinishOptions {
  readonly output?: string;
  readonly json?: boolean;
}

interface FilterOptions extends FinishOptions {
  readonly factor: string;
  readonly offset: string;
  readonly raw?: string;
  readonly cols?: string;
}

const indexFiles = ['.npy', '.npz', '.safetensors'];

const finishHelp = `
The JSON is that of find.

Examples:
  levattention finish all.lev
  levattention finish all.lev -o set.npy --json`;

const filterHelp = `
PART is a file of shape [n, d], a URL or '-', as for sketch, and --offset where its rows stand among all. For
sketches of weight power:2; for other weights finish is the way. Where the rows are of low rank or too
ill-conditioned, scores are upper bounds, and keys that may or may not reach the threshold are undecided.

Examples:
  levattention filter part0.npy --factor all.lev
  levattention filter part1.npy --factor all.lev --offset 1000000 --json`;

/** `levattention finish`. */
export function finishCommand({ call, print }: Session): Command {
  return new Command('finish')
    .summary('the universal set of all rows of a sketch')
    .description(
      'Finds the universal set of all rows that were summed up: minimal for power:2, a certified superset for other ' +
        'weights and for keys that are too ill-conditioned.',
    )
    .argument('<sketch>', 'file that sketch, merge or find --checkpoint wrote')
    .option('-o, --output <file>', 'write the indices: .npy, .npz or .safetensors')
    .option('--json', 'print JSON')
    .addHelpText('after', finishHelp)
    .action(async (path: string, options: FinishOptions) => print(await finish(path, options, call)));
}

/** `levattention filter`. */
export function filterCommand({ call, print }: Session): Command {
  return new Command('filter')
    .summary('the heavy rows of a part, by a sketch of all rows')
    .description(
      'A second pass: lists the rows of a part that can reach the threshold of the sketch, with their scores against ' +
        'all rows of the sketch. Parts can be filtered at the same time, on machines of their own.',
    )
    .argument('<part>', "file of keys, or '-'")
    .requiredOption('--factor <all.lev>', 'sketch of all rows, those of the part among them')
    .option('--offset <row>', 'number of the first row', '0')
    .option('--raw <type>', "of '-': numbers without a header, f16, bf16, f32 or f64")
    .option('--cols <d>', 'with --raw: numbers of a key')
    .option('-o, --output <file>', 'write the indices: .npy, .npz or .safetensors')
    .option('--json', 'print JSON')
    .addHelpText('after', filterHelp)
    .action(async (part: string, options: FilterOptions) => print(await filter(part, options, call)));
}

async function finish(path: string, options: FinishOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  if (options.output !== undefined) checkOutput(options.output, indexFiles, '-o', [path]);
  const sketch = await readSketch(path);
  const set = await about(path, () => runAsync(sketch.finishSteps(), call));
  const elapsed = (performance.now() - started) / 1000;
  if (options.output) writeArrays(options.output, { indices: indexArray(set.indices) });
  if (options.json) return JSON.stringify({ ...set, seconds: elapsed });
  return [...oneSet(set, sketch), ...ending(options, elapsed)].join('\n');
}

async function filter(part: string, options: FilterOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  const offset = parseOffset(options.offset);
  if (options.output !== undefined) checkOutput(options.output, indexFiles, '-o', [part, options.factor]);
  const sketch = await readSketch(options.factor);
  const source = await openRows(part, options, call.signal);
  checkOffset(offset, source);
  const found = { indices: [] as number[], scores: [] as number[], undecided: [] as number[] };
  let rows = 0;
  await about(source.name, async () => {
    for await (const { start, keys } of source.rows()) {
      rows = start + keys.shape[0];
      checkOffset(offset, source, rows);
      const heavy = await runAsync(sketch.filterSteps(keys, offset + start), call);
      for (const name of ['indices', 'scores', 'undecided'] as const) found[name].push(...heavy[name]);
      call.onProgress?.({ phase: 'rows', done: rows, total: source.n ?? 0 });
    }
  });
  if (rows === 0) throw new InputError(`${source.name}: there are no rows`);
  const elapsed = (performance.now() - started) / 1000;
  if (options.output) writeArrays(options.output, { indices: indexArray(found.indices) });
  const { d, f, epsilon, rows: n } = sketch;
  if (options.json)
    return JSON.stringify({ n, d, offset, rows, f: f.name, epsilon, ...found, seconds: elapsed });
  return [
    `${counted(found.indices.length, 'key')} of rows ${offset} to ${offset + rows - 1} can score ${number(epsilon)} or more among all ${n} (weight ${f.name}).`,
    '',
    ...strongest(found),
    ...ending(options, elapsed),
  ].join('\n');
}

function strongest({ indices, scores, undecided }: HeavyRows): string[] {
  const order = scores.map((_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const best = order.slice(0, 5).map((i) => `${indices[i]} (${number(scores[i])})`);
  return [
    `keys       ${listed(indices) || 'none'}`,
    `strongest  ${best.join('  ') || 'none'}`,
    `guarantee  none of the others can; ${counted(undecided.length, 'key')} undecided${undecided.length > 0 ? ' and kept' : ''}`,
  ];
}

function ending({ output }: FinishOptions, elapsed: number): string[] {
  return [...(output ? [`indices written to ${output}`] : []), `took ${seconds(elapsed)}`];
}
