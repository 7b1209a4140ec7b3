/** Grams and sketches of partitions: in the lines of workers, and in files. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SummaryResult } from '../cluster/results.js';
import { GramSummary, isGram } from '../universal-set/gram-summary.js';
import { UniversalSetSketch } from '../universal-set/sketch.js';
import { InputError } from './failure.js';
import { leadOf, openFile, writeFileAtomic } from './file-source.js';
import { about } from './inputs.js';
import { readSketch, SKETCH_ENDING } from './sketching.js';

/** What is known of rows that were read. */
export type Summary = GramSummary | UniversalSetSketch;

/** Where results go: into lines, or into files of this folder, of which the lines then tell. */
export interface Destination {
  readonly folder?: string;
}

/** The ending of files of Grams. */
const GRAM_ENDING = '.gram';

/** A summary in a line, or in a file that is there in full or not at all, however often it is written. */
export function stored(
  summary: Summary | undefined,
  partition: number,
  { folder }: Destination,
): Pick<SummaryResult, 'gram' | 'sketch' | 'file'> {
  if (!summary) return {};
  const [name, ending] =
    summary instanceof GramSummary ? (['gram', GRAM_ENDING] as const) : (['sketch', SKETCH_ENDING] as const);
  const bytes = summary.toBytes();
  if (folder === undefined) return { [name]: Buffer.from(bytes).toString('base64') };
  const file = placeIn(folder, partition, ending);
  writeFileAtomic(file, [bytes], { synced: true });
  return { file };
}

/**
 * The file of a partition in a folder, which is made.
 *
 * @throws InputError where it cannot be
 */
export function placeIn(folder: string, partition: number, ending: string): string {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new InputError(`${folder}: is a file, not a folder`);
    // A missing folder is made, unless a link leads to it.
    if (code === 'ENOENT')
      throw new InputError(`${folder}: cannot be made, a link in its path leads nowhere`);
    throw error;
  }
  return join(folder, `part-${String(partition).padStart(5, '0')}${ending}`);
}

/** The summary that a line tells of; undefined where there are no rows. */
export async function summaryOf({ rows, gram, sketch, file }: SummaryResult): Promise<Summary | undefined> {
  if (rows === 0) return undefined;
  const found = file !== undefined ? await readSummary(file) : fromBase64(gram, sketch);
  if (found.rows !== rows)
    throw new InputError(
      `the result tells of ${rows} rows, its ${found instanceof GramSummary ? 'Gram' : 'sketch'} has ${found.rows}`,
    );
  return found;
}

function fromBase64(gram: string | undefined, sketch: string | undefined): Summary {
  const bytes = Buffer.from((gram ?? sketch)!, 'base64');
  return gram !== undefined ? GramSummary.fromBytes(bytes) : UniversalSetSketch.fromBytes(bytes);
}

/**
 * Reads a Gram or a sketch.
 *
 * @throws InputError, one line with the file, for one that is damaged
 */
export async function readSummary(path: string): Promise<Summary> {
  const file = openFile(path);
  try {
    if (!isGram(leadOf(file))) return await readSketch(path);
    const bytes = file.slice(0, file.byteLength);
    return await about(path, async () => GramSummary.fromBytes(bytes));
  } finally {
    file.close();
  }
}
