/** The cost of jobs: counts that can be counted by hand, and what more rows, machines and partitions change. */
import { expect, test } from 'vitest';
import { type JobSize, jobCost } from './cost.js';

const size: JobSize = {
  rows: 1_000_000_000,
  d: 128,
  executors: 100,
  cores: 1,
  partitionRows: 1_000_000,
  format: 'parquet',
  epsilon: 0.01,
  skipped: 0,
  readRate: 2e8,
};

test('a billion keys on a hundred executors', () => {
  const cost = jobCost(size);
  expect(cost.partitions).toBe(1000);
  // 400 tasks a pass, and levels of 63, 4 and 1 nodes.
  expect(cost.tasks).toBe(800 + 63 + 4 + 1);
  expect(cost.bytesRead).toBe(2 * 512e9);
  // 8256 numbers in base64: 88,064 bytes; of 1000 partitions, 63 and 4 nodes, and to 100 executors; 12,800 keys.
  expect(cost.bytesMoved).toBe(88_064 * (1000 + 63 + 4 + 100) + 12_800 * 40);
  expect(cost.driverBytes).toBe(320_000 + 88_064 + 512_000);
  expect(cost.cpuSeconds).toBeCloseTo(1e9 * 1e-9 * (2 * 31.4 * 128 + 0.099 * 128 * 128) + 868 * 0.17, 6);
  expect(cost.seconds).toBeGreaterThan(cost.cpuSeconds / 100);
  const [least, most] = cost.measuredSeconds;
  expect(least).toBeGreaterThan(cost.seconds);
  expect(most).toBeGreaterThan(least);
});

test('a single partition is not merged', () =>
  expect(jobCost({ ...size, rows: 10 })).toMatchObject({ partitions: 1, tasks: 2 }));

test('what is not read again is neither read nor scored', () => {
  const [none, half] = [jobCost(size), jobCost({ ...size, skipped: 0.5 })];
  expect(half.bytesRead).toBe(0.75 * none.bytesRead);
  expect(half.cpuSeconds).toBeLessThan(none.cpuSeconds);
});

test('slow disks decide, fast ones do not', () => {
  const [slow, fast] = [jobCost({ ...size, readRate: 1e7 }), jobCost({ ...size, readRate: 1e10 })];
  expect(slow.seconds).toBeGreaterThan(1024e9 / 100 / 1e7);
  expect(fast.seconds).toBeLessThan(2 * (fast.cpuSeconds / 100));
});

test('twice the executors are at most twice as fast', () => {
  const [some, more] = [jobCost(size), jobCost({ ...size, executors: 200 })];
  expect(more.seconds).toBeLessThan(some.seconds);
  expect(more.seconds).toBeGreaterThan(some.seconds / 2);
});
