/** Tensors from the files that a command names: `FILE` or `FILE#NAME`, opened, checked for their shape, read when needed. */
import { openTensor, parseReference } from '../io/index.js';
import type { Head, HeadOf, Heads, KeyMatrix, PerHead, Tensor } from '../keys.js';
import { isSketch } from '../universal-set/sketch-bytes.js';
import { InputError, refusalOf } from './failure.js';
import { type FileSource, leadOf, openFile } from './file-source.js';
import { isStreamed } from './streamed-rows.js';

/** A tensor of a file. */
export interface TensorInput {
  /** As the user wrote it; begins every message about it. */
  readonly reference: string;
  /** [n, d] or [batch, heads, n, d]. */
  readonly shape: readonly number[];
  readonly flat: boolean;
  readonly n: number;
  readonly d: number;
  /** As long as this is the same the numbers are as they were when it was first asked for; undefined where the file cannot tell. */
  identity(): string | undefined;
  /** The matrices of the heads, read block by block: the file may be larger than memory. */
  heads(): Head[];
  /** All numbers, in memory. */
  whole(): Tensor;
  close(): void;
}

/** Opens a tensor; its file stays open until the process ends, unless it is closed. */
export async function openInput(reference: string): Promise<TensorInput> {
  const { file, name } = parseReference(reference);
  const source = openWhole(file);
  if (isSketch(leadOf(source)))
    throw new InputError(`${file}: is a sketch of keys: levattention finish ${file} gives their set`);
  const tensor = await openTensor(source, name);
  const { shape } = tensor;
  if ((shape.length !== 2 && shape.length !== 4) || shape.includes(0))
    throw new InputError(
      `${reference}: shape must be [n, d] or [batch, heads, n, d] of positive sizes, got [${shape.join(', ')}]`,
    );
  const flat = shape.length === 2;
  const [batches, heads, n, d] = flat ? [1, 1, ...shape] : shape;
  return {
    reference,
    shape,
    flat,
    n,
    d,
    identity() {
      const identity = source.identity();
      return identity && `${identity} ${name ?? ''}`;
    },
    heads: () =>
      Array.from({ length: batches * heads }, (_, i) => {
        const place = { batch: Math.floor(i / heads), head: i % heads };
        return { ...place, matrix: tensor.matrix(place.batch, place.head) };
      }),
    whole: () => tensor.read(),
    close: source.close,
  };
}

/** Opens a file whose numbers can be read in any order. */
function openWhole(file: string): FileSource {
  if (isStreamed(file))
    throw new InputError(
      `${file}: Parquet files and URLs are for find, sketch and filter, which read keys in one pass`,
    );
  return openFile(file);
}

/** All of a tensor that an option names, of any shape; truth values and bytes too where they have a meaning. */
export async function openOption(reference: string | undefined, bytes: boolean): Promise<Tensor | undefined> {
  if (reference === undefined) return undefined;
  const { file, name } = parseReference(reference);
  const tensor = await openTensor(openWhole(file), name);
  return bytes && /^(\|[bu]1|BOOL|U8)$/.test(tensor.dtype) ? tensor.readBytes() : tensor.read();
}

/** The heads of an input, each read block by block. */
export function headsIn({ flat, shape, n, d, heads }: TensorInput): Heads {
  const [batches, count] = flat ? [1, 1] : shape;
  return { flat, batches, heads: count, n, d, list: heads() };
}

/** What library calls take: a matrix is read block by block, heads are read whole. */
export function keysOf(input: TensorInput): KeyMatrix | Tensor {
  return input.flat ? input.heads()[0].matrix : input.whole();
}

/** A result for each head, computed one after the other so that only one matrix is in memory; refusals name the file and the head. */
export async function eachHead<T extends object>(
  input: TensorInput,
  compute: (head: Head) => Promise<PerHead<T>>,
): Promise<HeadOf<T>[]> {
  const results: HeadOf<T>[] = [];
  for (const head of input.heads()) {
    const place = input.flat ? '' : `, batch ${head.batch}, head ${head.head}`;
    const result = await about(`${input.reference}${place}`, () => compute(head));
    results.push({ batch: head.batch, head: head.head, ...(result as T) });
  }
  return results;
}

/** What a library call refuses, with the name of the file that it was about. */
export async function about<T>(reference: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const rule = refusalOf(error);
    throw rule === undefined ? error : new InputError(`${reference}: ${rule}`);
  }
}

/** What a library call of several inputs refuses of the numbers of one, with the name of its file; `references` by argument. */
export async function aboutInputs<T>(
  references: Readonly<Record<string, string | undefined>>,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const rule = refusalOf(error);
    const [, name] =
      /^(\w+)(?:( of batch \d+, head \d+)? must (?:be finite|be the same|hold)|: (?:shape|data))/.exec(
        rule ?? '',
      ) ?? [];
    const reference = references[name];
    throw reference === undefined ? error : new InputError(`${reference}: ${rule}`);
  }
}
