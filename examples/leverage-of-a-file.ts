/** Leverage scores of a file that is read block by block, however large it is: npx tsx examples/leverage-of-a-file.ts */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// In a project of your own: from 'levattention' and 'levattention/io'.
import { leverageScores, randomStream } from '../src/index.js';
import { type ByteSource, openTensor, writeNpy } from '../src/io/index.js';

/** A file as the readers want it: its length, and any piece of it, in the room that they have for it. */
function fileSource(path: string, descriptor: number): ByteSource {
  return {
    name: path,
    byteLength: fstatSync(descriptor).size,
    slice(start, end, room = (length) => new Uint8Array(length)) {
      largestRead = Math.max(largestRead, end - start);
      const bytes = room(end - start);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, end - start, start));
    },
  };
}
let largestRead = 0;

// 200,000 keys of 8 columns, 6.4 MB; key 123,456 is alone in the last direction but for a trace of noise.
const [n, d] = [200_000, 8];
const random = randomStream(1);
const data = Float32Array.from({ length: n * d }, (_, i) => random.normal() * (i % d === d - 1 ? 1e-4 : 1));
data[123_456 * d + d - 1] = 1;

const folder = mkdtempSync(join(tmpdir(), 'levattention-'));
const path = join(folder, 'keys.npy');
writeFileSync(path, writeNpy({ data, shape: [n, d] }));
const descriptor = openSync(path, 'r');
try {
  const source = fileSource(path, descriptor);
  const keys = (await openTensor(source)).matrix();
  const { scores, rank } = leverageScores(keys);
  const heaviest = scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  console.log(`file of ${source.byteLength} bytes, read in pieces of at most ${largestRead}`);
  console.log(`sum of the scores ${scores.reduce((a, b) => a + b).toFixed(6)}, rank ${rank}`);
  console.log(`key ${heaviest} has the largest, ${scores[heaviest].toFixed(4)}`);
} finally {
  closeSync(descriptor);
  rmSync(folder, { recursive: true });
}
