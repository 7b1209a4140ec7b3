/** One read of the keys from memory: the sum of all entries in WASM SIMD, compiled like the library's kernels. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';
import { type Contestant, timed } from './measure.js';
import type { Shown } from './own-sets.js';
import type { Case } from './set-cases.js';

/** Copied into WASM memory as the library does it; or there before the clock starts, which no caller of a library has. */
export const reads = { copied: 'one read of the keys', resident: 'one read, keys in WASM memory' } as const;

interface SumModule {
  readonly memory: WebAssembly.Memory;
  /** The sum of `count` float32 at an address; `count` is a multiple of 32. */
  sum(address: number, count: number): number;
}

/** Rows of a block of the library. */
const BLOCK_ROWS = 1024;
const PAGE_BYTES = 65_536;
/** Behind what the compiler keeps. */
const START = 1024;

/** Blocks of 1024 rows, each copied into WASM memory and summed there: the least that a pass over keys in JavaScript's memory does. */
export function copiedRead({ d }: Case, keys: Float32Array, folder: string): Contestant<Shown> {
  return readOf(reads.copied, async () => {
    const block = BLOCK_ROWS * d;
    const { memory, sum } = await sumModule(folder, 4 * block);
    const target = new Float32Array(memory.buffer, START, block);
    return () => {
      let total = 0;
      for (let start = 0; start < keys.length; start += block) {
        const rows = keys.subarray(start, start + block);
        target.set(rows);
        total += sum(START, wholeVectors(rows.length));
      }
      return total;
    };
  });
}

/** All keys in WASM memory, summed in one call: as fast as memory is read. */
export function residentRead(keys: Float32Array, folder: string): Contestant<Shown> {
  return readOf(reads.resident, async () => {
    const { memory, sum } = await sumModule(folder, 4 * keys.length);
    new Float32Array(memory.buffer, START, keys.length).set(keys);
    return () => sum(START, wholeVectors(keys.length));
  });
}

function readOf(name: string, prepare: () => Promise<() => number>): Contestant<Shown> {
  return {
    name,
    threads: 1,
    async prepare() {
      const read = await prepare();
      return {
        async run() {
          const { milliseconds, value } = await timed(read);
          if (!Number.isFinite(value)) throw new Error('the sum of the keys is not finite');
          return { laps: { time: milliseconds }, result: () => undefined };
        },
      };
    },
  };
}

/** Up to 31 numbers at the end are left out. */
const wholeVectors = (count: number) => count - (count % 32);

/** kernels/sum.ts with the compiler's settings of scripts/build-kernels.mjs, and memory for so many bytes. */
async function sumModule(folder: string, bytes: number): Promise<SumModule> {
  const source = fileURLToPath(new URL('kernels/sum.ts', import.meta.url));
  const wasm = join(folder, 'sum.wasm');
  const { error } = await asc.main([
    source,
    ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', wasm],
  ]);
  if (error) throw error;
  const { instance } = await WebAssembly.instantiate(readFileSync(wasm));
  const exports = instance.exports as unknown as SumModule;
  const missing = START + bytes - exports.memory.buffer.byteLength;
  if (missing > 0) exports.memory.grow(Math.ceil(missing / PAGE_BYTES));
  return exports;
}
