/** Random numbers by counter, Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): the same draws whatever the order of work. */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function highProduct(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) >>> 0;
}

/** Encrypts four 32-bit words in place under a key of two: block `counter` of the generator `key`. */
export function philox4x32(words: Uint32Array, key0: number, key1: number): void {
  let [x0, x1, x2, x3] = words;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = highProduct(MULTIPLIER_0, x0);
    const high1 = highProduct(MULTIPLIER_1, x2);
    const low0 = Math.imul(MULTIPLIER_0, x0);
    const low1 = Math.imul(MULTIPLIER_1, x2);
    x0 = (high1 ^ x1 ^ key0) >>> 0;
    x1 = low1 >>> 0;
    x2 = (high0 ^ x3 ^ key1) >>> 0;
    x3 = low0 >>> 0;
    key0 = (key0 + WEYL_0) >>> 0;
    key1 = (key1 + WEYL_1) >>> 0;
  }
  words[0] = x0;
  words[1] = x1;
  words[2] = x2;
  words[3] = x3;
}

/** A stream of independent draws. */
export interface Random {
  /** Uniform in [0, 1), a multiple of 2^-53. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
}

/**
 * The stream number `stream` of a seed. Streams are independent of each other, so work that is done in any order, or by
 * any number of threads, draws the same numbers if each piece of it (a head, a block) takes a stream of its own.
 *
 * Uniform draws are the same bits on every engine. Normal ones (Box and Muller) go through Math.log, Math.cos and Math.sin,
 * whose last bit the language leaves open.
 *
 * @throws RangeError unless seed and stream are integers in [0, 2^53).
 *
 * @example
 * ```ts
 * import { randomStream } from 'levattention';
 *
 * randomStream(7).uniform() === randomStream(7).uniform(); // => true
 * randomStream(7).uniform() === randomStream(7, 1).uniform(); // => false
 * ```
 */
export function randomStream(seed: number, stream = 0): Random {
  for (const [name, value] of Object.entries({ seed, stream }))
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`randomStream: ${name} must be an integer in [0, 2^53), got ${value}`);
  const words = new Uint32Array(4);
  let block = 0;
  let second: number | undefined;
  let spare: number | undefined;

  function uniform(): number {
    if (second !== undefined) {
      const value = second;
      second = undefined;
      return value;
    }
    const [first, next] = blockAt(seed, stream, block, words);
    block++;
    second = next;
    return first;
  }

  function normal(): number {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // 1 - u is in (0, 1], where the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  return { uniform, normal };
}

/** The fractional part of i times the golden ratio: over i = 0, 1, ... they are spread evenly in [0, 1), over the squares they look drawn (Weyl). */
export function goldenPart(i: number): number {
  return (i * 0.6180339887498949) % 1;
}

/**
 * The first draw of block `block` of a stream, uniform in [0, 1): what `randomStream(seed, stream)` gives as draw number 2 `block`,
 * found without the ones before it. So the draw of a row depends on the row alone, in whatever order rows are visited.
 */
export function uniformAt(seed: number, stream: number, block: number): number {
  return blockAt(seed, stream, block, new Uint32Array(4))[0];
}

/** The two uniform draws of a block; `words` is room for its 128 bits. */
function blockAt(seed: number, stream: number, block: number, words: Uint32Array): [number, number] {
  const high = (value: number) => Math.floor(value / 2 ** 32);
  words.set([block, high(block), stream, high(stream)]);
  philox4x32(words, seed >>> 0, high(seed));
  const uniform = (at: number) => ((words[at] >>> 5) * 2 ** 26 + (words[at + 1] >>> 6)) / 2 ** 53;
  return [uniform(0), uniform(2)];
}

/**
 * `count` of the numbers 0 .. n - 1, ascending, each subset equally likely up to the 2^-53 grain of the uniform draws.
 * Floyd's method: `count` draws whatever n is (Bentley and Floyd, CACM 30(9), 1987).
 *
 * @throws RangeError unless 0 <= count <= n.
 *
 * @example
 * ```ts
 * import { randomStream, sampleWithoutReplacement } from 'levattention';
 *
 * sampleWithoutReplacement(5, 5, randomStream(1)); // => [0, 1, 2, 3, 4]
 * ```
 */
export function sampleWithoutReplacement(n: number, count: number, random: Random): number[] {
  if (!(Number.isSafeInteger(n) && Number.isSafeInteger(count) && count >= 0 && count <= n))
    throw new RangeError(`sampleWithoutReplacement: count must be an integer in [0, n = ${n}], got ${count}`);
  const chosen = new Set<number>();
  for (let last = n - count; last < n; last++) {
    const drawn = Math.floor(random.uniform() * (last + 1));
    chosen.add(chosen.has(drawn) ? last : drawn);
  }
  return [...chosen].sort((a, b) => a - b);
}
