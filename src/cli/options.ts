/** Options of the commands that are numbers, names or lists: read from text, refused in one line that names the option. */
import { MOST_THREADS } from '../kernels/run-async.js';
import { isEpsilon } from '../keys.js';
import { UsageError } from './failure.js';

/** An attention score: in (0, 1]. */
export function parseEpsilon(text: string): number {
  const epsilon = parseNumber(text);
  if (!isEpsilon(epsilon)) throw new UsageError(`--epsilon must be in (0, 1], got '${text}'`);
  return epsilon;
}

/** A number of keys. */
export function parseCount(text: string, option: string): number {
  const count = parseNumber(text);
  if (!(Number.isSafeInteger(count) && count > 0))
    throw new UsageError(`${option} must be a positive whole number, got '${text}'`);
  return count;
}

/** A number of threads. */
export function parseThreads(text: string): number {
  const threads = parseNumber(text);
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MOST_THREADS))
    throw new UsageError(`--threads must be a whole number from 1 to ${MOST_THREADS}, got '${text}'`);
  return threads;
}

/** A seed of random numbers: a whole number below 2^53, as the library takes. */
export function parseSeed(text: string): number {
  const seed = parseNumber(text);
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new UsageError(`--seed must be a whole number in [0, 2^53), got '${text}'`);
  return seed;
}

/** The number of a row. */
export function parseOffset(text: string): number {
  const offset = parseNumber(text);
  if (!(Number.isSafeInteger(offset) && offset >= 0))
    throw new UsageError(`--offset must be a whole number in [0, 2^53), got '${text}'`);
  return offset;
}

/** A factor greater than zero. */
export function parsePositive(text: string, option: string): number {
  const value = parseNumber(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY))
    throw new UsageError(`${option} must be a positive number, got '${text}'`);
  return value;
}

/** A number between zero and one, neither included. */
export function parseShare(text: string, option: string): number {
  const value = parseNumber(text);
  if (!(value > 0 && value < 1)) throw new UsageError(`${option} must be in (0, 1), got '${text}'`);
  return value;
}

/** Positions such as `0,1,2` or `0-3,-1`; negative ones, counted from the end, are resolved by {@link resolveIndices}. */
export function parseIndices(text: string, option: string): number[] {
  return text.split(',').flatMap((part) => {
    const [, first, last] = /^\s*(-?\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    const [from, to] = [Number(first), Number(last ?? first)];
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from <= to && to - from < 2 ** 24))
      throw new UsageError(`${option} must be positions such as 0,1,2 or 0-3,-1, got '${text}'`);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}

/** Positions in [0, n), ascending and each once. */
export function resolveIndices(indices: readonly number[], n: number, option: string): number[] {
  const resolved = indices.map((index) => {
    if (index >= n || index < -n)
      throw new UsageError(`${option} has position ${index}, there are ${n} keys`);
    return index < 0 ? index + n : index;
  });
  return [...new Set(resolved)].sort((a, b) => a - b);
}

/** Only decimal numbers: `Number` alone would take '', '0x10' and ' 1 ' as well. */
function parseNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** What the library makes of a text, its refusal being about `option`. */
export function parsedBy<T>(parse: (text: string) => T, text: string, option: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`${option}: ${error.message.replace(/^\w+: /, '')}`);
  }
}
