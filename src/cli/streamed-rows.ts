/** Rows of what is read from its beginning to its end: Parquet files, and files on servers. Only some of them are in memory at a time. */
import { statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { openTensors, parseReference } from '../io/index.js';
import { npyHeader } from '../io/npy.js';
import { InputError } from './failure.js';
import { leadOf, openFile } from './file-source.js';
import { isUrl, openUrl } from './http-source.js';
import { isParquetLead } from './parquet/footer.js';
import { openParquet } from './parquet/open.js';
import { FetchedBytes, type RangeSource } from './range-source.js';
import { endOfPiece, pieceRows, type RowSource } from './rows.js';

/** Bytes that are fetched at a time: a request for each piece of some thousand rows would wait more than it reads. */
const FETCH_BYTES = 2 ** 23;

/** Whether the rows of a reference come in one pass, as those of standard input do. */
export function isStreamed(reference: string): boolean {
  const { file } = parseReference(reference);
  return isUrl(file) || isParquet(file);
}

/** Whether a file is Parquet: by its name, or by how it begins. */
function isParquet(path: string): boolean {
  if (/\.parquet$/i.test(path)) return true;
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
  const file = openFile(path);
  try {
    return isParquetLead(leadOf(file));
  } finally {
    file.close();
  }
}

/** Opens a file, or a URL, whose requests an abort of the signal ends. */
async function openRanges(place: string, signal?: AbortSignal): Promise<RangeSource> {
  if (isUrl(place)) return openUrl(place, { signal });
  const file = openFile(place);
  return {
    name: file.name,
    byteLength: file.byteLength,
    identity: file.identity,
    read: async (start, end) => file.slice(start, end),
    close: file.close,
  };
}

/**
 * Opens rows of shape [n, d] that are read in one pass.
 *
 * @throws InputError or FormatError, one line, for what is no matrix of numbers or cannot be read
 */
export async function openStreamed(reference: string, signal?: AbortSignal): Promise<RowSource> {
  const { file, name } = parseReference(reference);
  const source = await openRanges(file, signal);
  const lead = await source.read(0, Math.min(4, source.byteLength));
  if (isParquetLead(lead) || /\.parquet$/i.test(source.name)) return openParquet(source, name);
  return openTensorRows(source, name);
}

/** Rows of an .npy or .safetensors, as large pieces of it come. */
async function openTensorRows(source: RangeSource, name?: string): Promise<RowSource> {
  const bytes = new FetchedBytes(source);
  const tensor = await bytes.run(async () => {
    const tensors = await openTensors(bytes);
    if (tensors.format === 'npz')
      throw new InputError(`${source.name}: an .npz cannot be read in pieces: download it first`);
    if (tensors.format === 'npy' && npyHeader(bytes, source.name).fortran)
      throw new InputError(`${source.name}: numbers must be in C order, row after row, got Fortran order`);
    return tensors.open(name);
  });
  const { shape } = tensor;
  if (shape.length !== 2 || shape.includes(0))
    throw new InputError(`${source.name}: shape must be [n, d], got [${shape.join(', ')}]`);
  const { n, d, rows } = tensor.matrix();
  bytes.ahead = FETCH_BYTES;
  return {
    name: source.name,
    d,
    n,
    again: true,
    identity: source.identity,
    async *rows({ from = 0, every = Number.POSITIVE_INFINITY } = {}) {
      const most = pieceRows(d * 8);
      for (let start = from; start < n; ) {
        const end = Math.min(n, endOfPiece(start, most, every));
        yield { start, keys: { data: await bytes.run(() => rows(start, end)), shape: [end - start, d] } };
        start = end;
        // Lets an interrupt be noticed.
        await setImmediate();
      }
    },
  };
}
