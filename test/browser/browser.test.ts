/** The built library in a real browser: the same bytes as in Node, with the WASM kernels, and long calls that leave the page alive. */
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { built } from '../packaging/built.js';
import { launch, type Site, serve } from './chromium.js';

type Library = typeof import('../../src/index.js');

declare global {
  /** In the page: the library, and how many WASM modules were compiled. */
  var library: Library;
  var compiled: number;
}

const [N, D] = [5000, 48];

/** n x d entries in [-1, 1), with a mean and some long rows: the same on each call. */
function generated(n: number, d: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: n * d }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const long = Math.floor(i / d) % 97 === 0 ? 5 : 1;
    return long * (state / 2 ** 31 - 1) + 0.25;
  });
}

const q = generated(64, D, 1);
const k = generated(N, D, 2);
const v = generated(N, D, 3);

let browser: Browser;
let close: () => Promise<void>;
let site: Site;
let page: Page;

beforeAll(async () => {
  built('index.js');
  site = await serve({
    q: new Uint8Array(q.buffer),
    k: new Uint8Array(k.buffer),
    v: new Uint8Array(v.buffer),
  });
  ({ browser, close } = await launch());
  page = await browser.newPage();
  await page.addInitScript(() => {
    globalThis.compiled = 0;
    WebAssembly.Module = new Proxy(WebAssembly.Module, {
      construct: (target, args) => {
        globalThis.compiled++;
        return Reflect.construct(target, args);
      },
    });
  });
  await page.goto(site.url);
  await page.waitForFunction(() => globalThis.library !== undefined);
});
afterAll(async () => {
  await close?.();
  await site?.close();
});

/** What both sides compute: sets, scores and outputs, the last as the bytes of their numbers. Runs in the page too, so it uses nothing from outside. */
function results(library: Library, q: Float32Array, k: Float32Array, v: Float32Array, d: number) {
  const tensor = (data: Float32Array) => ({ data, shape: [data.length / d, d] as const });
  const bytes = (data: ArrayBufferView) =>
    Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return {
    plain: library.universalSet(tensor(k), { epsilon: 0.02 }),
    centred: library.universalSet(tensor(k), { top: 40, centre: true }),
    lewis: library.universalSet(tensor(k), { epsilon: 0.2, f: library.power(4) }),
    softmax: bytes(library.levAttention(tensor(q), tensor(k), tensor(v), { keys: 64 }).out.data),
    exact: bytes(library.exactAttention(tensor(q), tensor(k), tensor(v)).data),
  };
}

test('gives the same bytes as Node, by the WASM kernels', async () => {
  const here: Library = await import(pathToFileURL(built('index.js')).href);
  const expected = results(here, q, k, v, D);
  const actual = await page.evaluate(
    async ({ source, d }) => {
      const read = async (name: string) => new Float32Array(await (await fetch(`/${name}`)).arrayBuffer());
      const compute: typeof results = new Function(`return ${source}`)();
      return compute(library, await read('q'), await read('k'), await read('v'), d);
    },
    { source: results.toString(), d: D },
  );
  expect(await page.evaluate(() => compiled)).toBeGreaterThan(0);
  const { lewis, ...exactly } = expected;
  const text = (result: object, name: string) => JSON.stringify(Reflect.get(result, name));
  expect(Object.keys(exactly).filter((name) => text(actual, name) !== text(expected, name))).toEqual([]);
  // Lewis weights go through Math.pow, whose last bits each version of an engine has its own.
  expect(text(actual.lewis, 'indices')).toBe(text(lewis, 'indices'));
  const errors = lewis.scores.map((score, i) => Math.abs(actual.lewis.scores[i] / score - 1));
  expect(Math.max(...errors)).toBeLessThan(1e-13);
});

test.each([
  ['isolated', 'isolated', ['memory of the page', 'shared memory']],
  ['not isolated, without shared memory', '', ['memory of the page']],
])('threads in a page that is %s: the same bytes as one thread of Node', async (_, path, memories) => {
  const here: Library = await import(pathToFileURL(built('index.js')).href);
  const keys = { data: k, shape: [N, D] as const };
  const set = here.universalSet(keys, { epsilon: 0.02, centre: true });
  const scores = Array.from(new Uint8Array(here.leverageScores(keys).scores.buffer));
  const { out, vjp } = here.levAttentionVjp(keys, keys, keys, { keys: 30 });
  const attention = [out, vjp(keys).dk].flatMap(({ data }) => Array.from(data));
  const other = await browser.newPage();
  await other.goto(`${site.url}${path}`);
  await other.waitForFunction(() => globalThis.library !== undefined);
  const { isolated, results } = await other.evaluate(
    async ({ shape, memories }) => {
      const bytes = await (await fetch('/k')).arrayBuffer();
      const results = [];
      for (const memory of memories)
        for (const threads of [1, 2, 4]) {
          const buffer = memory === 'shared memory' ? new SharedArrayBuffer(bytes.byteLength) : bytes;
          new Uint8Array(buffer).set(new Uint8Array(bytes));
          const keys = { data: new Float32Array(buffer), shape };
          const { scores } = await library.leverageScoresAsync(keys, { threads });
          const { out, vjp } = await library.levAttentionVjpAsync(keys, keys, keys, { keys: 30, threads });
          const { dk } = await vjp(keys);
          results.push({
            threads,
            attention: [out, dk].flatMap(({ data }) => Array.from(data)),
            set: await library.universalSetAsync(keys, { epsilon: 0.02, centre: true, threads }),
            scores: Array.from(new Uint8Array(scores.buffer)),
          });
        }
      return { isolated: crossOriginIsolated, results };
    },
    { shape: [N, D] as const, memories },
  );
  // Each worker is a target of its own; they stay for a while.
  expect(other.workers()).toHaveLength(4);
  expect(isolated).toBe(path === 'isolated');
  expect(results).toHaveLength(3 * memories.length);
  for (const result of results) {
    expect(JSON.stringify(result.set)).toBe(JSON.stringify(set));
    expect(result.scores).toEqual(scores);
    expect(result.attention).toEqual(attention);
  }
  await other.close();
});

test('a page is told in one line where its workers cannot be loaded, and a stopped call stops', async () => {
  const other = await browser.newPage();
  await other.route('**/dist/worker.js', (route) => route.fulfill({ status: 404 }));
  await other.goto(site.url);
  await other.waitForFunction(() => globalThis.library !== undefined);
  const call = (limit: number) =>
    other.evaluate(async (limit) => {
      const [n, d] = [200_000, 16];
      const keys = { data: Float32Array.from({ length: n * d }, (_, i) => Math.sin(i * i)), shape: [n, d] };
      const controller = new AbortController();
      let calls = 0;
      const onProgress = () => void (++calls === limit && controller.abort());
      const options = { threads: 2, signal: controller.signal, onProgress };
      return library.leverageScoresAsync(keys, options).then(
        () => 'finished',
        (error: Error) => `${error.name}: ${error.message}`,
      );
    }, limit);
  expect(await call(0)).toBe('Error: leverageScoresAsync: a worker failed: its file cannot be loaded');
  await other.unroute('**/dist/worker.js');
  expect(await call(3)).toMatch(/^AbortError: /);
  expect(await call(0)).toBe('finished');
  await other.close();
});

test('takes the tensors of transformers.js as they are', async () => {
  const indices = await page.evaluate(async () => {
    // Their class keeps its data behind getters and says more than is needed.
    class Tensor {
      readonly type = 'float32';
      readonly location = 'cpu';
      get data() {
        return Float32Array.of(1, 0, 1, 0, 0, 1, 0, 2, 1, 0, 0, 0);
      }
      get dims() {
        return [1, 2, 3, 2];
      }
      get size() {
        return 12;
      }
    }
    const result = library.universalSet(new Tensor(), { epsilon: 0.75 });
    return 'heads' in result ? result.heads.map((head) => head.indices) : result;
  });
  expect(indices).toEqual([[2], [0, 1]]);
});

test('universalSetAsync leaves the page alive, tells its progress and stops when it is told to', async () => {
  const seen = await page.evaluate(async () => {
    const [n, d] = [200_000, 64];
    // Lewis weights: several passes over the keys.
    const options = { epsilon: 0.01, f: library.power(1) };
    const keys = { data: Float32Array.from({ length: n * d }, (_, i) => Math.sin(i * i)), shape: [n, d] };
    let last = performance.now();
    let gap = 0;
    let ticks = 0;
    const timer = setInterval(() => {
      gap = Math.max(gap, performance.now() - last);
      last = performance.now();
      ticks++;
    });
    const phases = new Set<string>();
    const started = performance.now();
    await library.universalSetAsync(keys, { ...options, onProgress: ({ phase }) => phases.add(phase) });
    const whole = performance.now() - started;
    clearInterval(timer);

    const controller = new AbortController();
    const aborted = performance.now();
    setTimeout(() => controller.abort(), 30);
    const reason = await library.universalSetAsync(keys, { ...options, signal: controller.signal }).then(
      () => 'finished',
      (error: Error) => error.name,
    );
    return { gap, ticks, phases: [...phases], whole, reason, until: performance.now() - aborted };
  });
  console.log(
    `in the page: ${seen.whole.toFixed(0)} ms in all, ${seen.ticks} ticks, at most ${seen.gap.toFixed(0)} ms apart`,
  );
  expect(seen.phases.length).toBeGreaterThan(0);
  expect(seen.ticks).toBeGreaterThan(5);
  expect(seen.gap).toBeLessThan(Math.max(250, 0.5 * seen.whole));
  expect(seen.reason).toBe('AbortError');
  expect(seen.until).toBeLessThan(Math.max(300, 0.8 * seen.whole));
});
