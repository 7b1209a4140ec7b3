/** What is done with the results of workers: merged, and judged whether they say enough for a second pass. */
import { ResultReader, ResultWriter } from '../cluster/results.js';
import type { CallOptions } from '../steps.js';
import { GramSummary } from '../universal-set/gram-summary.js';
import { GramFilter } from '../universal-set/second-filter.js';
import { InputError } from './failure.js';
import { inPartition } from './partition-rows.js';
import { type Destination, type Summary, stored, summaryOf } from './summaries.js';

/** Lines of text in, lines of text out. */
type Lines = AsyncIterable<string>;

/**
 * Merges results of workers, which come in ascending order of their partitions: `fanIn` neighbours into one, or all. The same results give the same bytes, as
 * the numbers of the partitions alone say what is added to what.
 */
export async function* mergeResults(
  lines: Lines,
  fanIn: number | undefined,
  destination: Destination,
  { signal }: CallOptions,
): AsyncGenerator<string> {
  const reader = new ResultReader();
  const writer = new ResultWriter('merge');
  let last = -1;
  let node: { readonly number: number; rows: number; summary?: Summary } | undefined;
  const finished = () =>
    writer.line({
      partition: node!.number,
      rows: node!.rows,
      ...stored(node!.summary, node!.number, destination),
    });
  for await (const line of lines) {
    signal?.throwIfAborted();
    const result = reader.read(line);
    if (!result) continue;
    if (result.partition <= last)
      throw new InputError(
        `partition ${result.partition} comes after ${last}: results must come in ascending order, each once`,
      );
    last = result.partition;
    const number = fanIn === undefined ? 0 : Math.floor(result.partition / fanIn);
    if (node && node.number !== number) {
      yield finished();
      node = undefined;
    }
    node ??= { number, rows: 0 };
    node.rows += result.rows;
    await inPartition(result.partition, async () => {
      const summary = await summaryOf(result);
      if (summary && node!.summary) merge(node!.summary, summary);
      else node!.summary ??= summary;
    });
  }
  reader.end();
  if (node) yield finished();
  yield writer.end();
}

function merge(target: Summary, other: Summary): void {
  if (target instanceof GramSummary && other instanceof GramSummary) target.merge(other);
  else if (!(target instanceof GramSummary || other instanceof GramSummary)) target.merge(other);
  else throw new InputError('a Gram and a sketch cannot be merged');
}

/** Says of the Gram of all rows, the only result that comes, whether it certifies scores, so that a second pass by it loses no key. */
export async function* factorOfResults(lines: Lines, epsilon: number): AsyncGenerator<string> {
  const reader = new ResultReader();
  const writer = new ResultWriter('factor');
  let all: GramSummary | undefined;
  for await (const line of lines) {
    const result = reader.read(line);
    if (!result) continue;
    const { partition } = result;
    const summary = await inPartition(partition, () => summaryOf(result));
    if (all || !(summary instanceof GramSummary))
      throw new InputError(
        `factor takes one Gram, that of all rows, and partition ${partition} is ${all ? 'another one' : 'none'}`,
      );
    all = summary;
    const { d, rows, centre } = all;
    const filter = GramFilter.of(all, epsilon);
    const found = filter && { rank: filter.rank, margin: filter.margin };
    yield writer.line({ partition, rows, ...{ d, centre, certified: filter !== undefined, ...found } });
  }
  reader.end();
  yield writer.end();
}
