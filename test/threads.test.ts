/** Workers that die, hang or do not start, calls that are stopped, and matrices that fail: one clear line each, and no hang. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type KeyMatrix, leverageScores, leverageScoresAsync, type Progress } from '../src/index.js';
import { useWorkerFile } from '../src/kernels/pool.js';
import { built } from './packaging/built.js';

const good = pathToFileURL(built('worker.js'));
let before: string | URL;
beforeEach(() => {
  before = useWorkerFile(good);
});
afterEach(() => void useWorkerFile(before));

const n = 40_000;
const keys = {
  data: Float32Array.from({ length: n * 3 }, (_, i) => Math.sin(i * i)),
  shape: [n, 3],
} as const;

/** A worker of this code. */
const worker = (code: string) => new URL(`data:text/javascript,${encodeURIComponent(code)}`);
const silent = worker(
  `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => {});`,
);

describe('a worker', () => {
  test.each([
    ['that ends at once', worker('process.exit(3)'), 'exit code 3'],
    ['that throws', worker(`throw new Error('no luck\\nin two lines')`), 'no luck'],
    ['that is not there', new URL('absent.js', good), /^Cannot find module/],
    [
      'that ends in the middle',
      worker(`import { parentPort } from 'node:worker_threads';
        import '${good}';
        let runs = 0;
        parentPort.on('message', (message) => 'input' in message && ++runs === 2 && process.exit(9));`),
      'exit code 9',
    ],
    [
      'that says that it cannot',
      worker(`import { parentPort } from 'node:worker_threads';
        parentPort.on('message', ({ job }) => parentPort.postMessage({ job, error: 'out of memory' }));`),
      'out of memory',
    ],
  ])('%s fails the call in one line, and the next call has new ones', async (_, file, reason) => {
    useWorkerFile(file);
    const error = await leverageScoresAsync(keys, { threads: 2 }).catch((error) => error);
    const [, told] = /^leverageScoresAsync: a worker failed: (.*)$/.exec(error.message) ?? [error.message];
    expect(told).toEqual(typeof reason === 'string' ? reason : expect.stringMatching(reason));
    useWorkerFile(good);
    expect(await leverageScoresAsync(keys, { threads: 2 })).toEqual(leverageScores(keys));
  });

  test('that never answers is given no more than it can hold, and an aborted call does not wait for it', async () => {
    useWorkerFile(silent);
    let read = 0;
    const endless: KeyMatrix = {
      n: 2 ** 40,
      d: 2,
      rows(start, end) {
        read = end;
        return new Float32Array((end - start) * 2);
      },
    };
    const controller = new AbortController();
    const call = leverageScoresAsync(endless, { threads: 2, signal: controller.signal });
    await sleep(200);
    controller.abort(new Error('enough'));
    await expect(call).rejects.toThrow(/^enough$/);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThanOrEqual(2 ** 22);
  });
});

describe('a call', () => {
  test('tells its progress in order, up to the end of each pass', async () => {
    const seen: Record<string, number[]> = {};
    await leverageScoresAsync(keys, {
      threads: 2,
      onProgress: ({ phase, done, total }: Progress) => {
        seen[phase] = [...(seen[phase] ?? []), done];
        expect(total).toBe(n);
      },
    });
    expect(Object.keys(seen)).toEqual(['gram', 'scores']);
    for (const done of Object.values(seen)) {
      expect(done.length).toBeGreaterThan(2);
      expect(done).toEqual([...done].sort((a, b) => a - b));
      expect(done.at(-1)).toBe(n);
    }
  });

  test('that is aborted in the middle says nothing more', async () => {
    const controller = new AbortController();
    let calls = 0;
    const onProgress = () => {
      calls++;
      controller.abort();
    };
    const call = leverageScoresAsync(keys, { threads: 2, signal: controller.signal, onProgress });
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
    await sleep(50);
    expect(calls).toBe(1);
    expect(await leverageScoresAsync(keys, { threads: 2 })).toEqual(leverageScores(keys));
  });

  test('ends with what the matrix throws', async () => {
    const failing: KeyMatrix = {
      n,
      d: 3,
      rows(start, end) {
        if (start >= 30_000) throw new Error('the file has ended');
        return keys.data.subarray(start * 3, end * 3);
      },
    };
    await expect(leverageScoresAsync(failing, { threads: 2 })).rejects.toThrow(/^the file has ended$/);
  });

  test('ends with what the progress callback throws', async () => {
    const onProgress = () => {
      throw new Error('no more room to write');
    };
    const call = leverageScoresAsync(keys, { threads: 2, onProgress });
    await expect(call).rejects.toThrow(/^no more room to write$/);
  });

  test.each([0, -1, 1.5, 257, Number.NaN, '2', null])('on %j threads is refused', async (threads) => {
    await expect(leverageScoresAsync(keys, { threads: threads as number })).rejects.toThrow(
      new RangeError(`leverageScoresAsync: threads must be a whole number from 1 to 256, got ${threads}`),
    );
  });

  test('reads rows that come as float32 first and as float64 later', async () => {
    const mixed: KeyMatrix = {
      n,
      d: 3,
      rows(start, end) {
        const rows = keys.data.subarray(start * 3, end * 3);
        return start % 2048 === 0 ? rows : Float64Array.from(rows, (x) => x * (1 + 2 ** -40));
      },
    };
    expect(await leverageScoresAsync(mixed, { threads: 2 })).toEqual(leverageScores(mixed));
  });
});
