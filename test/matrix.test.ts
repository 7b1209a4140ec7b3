/** One matrix across modes: every way to hand in the same keys, and every way to run, gives the same result to the last bit. */
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type AttentionOptions,
  type CallOptions,
  cauchy,
  exactAttentionAsync,
  exactAttentionVjp,
  exactAttentionVjpAsync,
  heavyScores,
  heavyScoresAsync,
  huber,
  type KeyMatrix,
  type Keys,
  keyLifetimes,
  keyLifetimesAsync,
  levAttentionAsync,
  levAttentionVjp,
  levAttentionVjpAsync,
  leverageScores,
  leverageScoresAsync,
  lewisWeights,
  lewisWeightsAsync,
  lpCoreset,
  lpCoresetAsync,
  power,
  randomStream,
  type SketchOptions,
  sensitivities,
  sensitivitiesAsync,
  type UniversalSet,
  type UniversalSetOptions,
  UniversalSetSketch,
  universalSet,
  universalSetAsync,
  universalSetSteps,
} from '../src/index.js';
import { openTensor, readTensor, writeNpy, writeNpz, writeSafetensors } from '../src/io/index.js';
import { kernels, useKernels } from '../src/kernels/load.js';
import { useWorkerFile } from '../src/kernels/pool.js';
import { referenceKernels } from '../src/kernels/reference.js';
import { flat } from './guarantee/check.js';
import { exactLeverage } from './oracle/exact.js';
import { generators, toFloat32 } from './oracle/generators.js';
import { type Matrix, tensor } from './oracle/matrix.js';
import { nearPlane } from './oracle/near-plane.js';
import { seeded } from './oracle/random.js';
import { built } from './packaging/built.js';

let workerFile: string | URL;
beforeAll(() => {
  workerFile = useWorkerFile(pathToFileURL(built('worker.js')));
});
afterAll(() => void useWorkerFile(workerFile));

/** Keys that float32 represents, more rows than a canonical block and not a multiple of anything. */
const subjects: Record<string, Matrix> = {
  'two blocks and a bit': draw('mean and outliers', 2501, 5),
  'wide and short': draw('student-3', 130, 16),
  'rank-deficient': draw('integers of low rank', 61, 6),
  'ill-conditioned': draw('near copies', 1030, 3),
  'one key': draw('gaussian', 1, 3),
};

function draw(name: string, n: number, d: number): Matrix {
  const generator = generators.find((entry) => entry.name === name);
  if (!generator) throw new Error(`no generator ${name}`);
  return toFloat32(generator.make(seeded(20), n, d));
}

/** Rows come in one buffer, which is spoilt at each call: what `rows` gave before must not be used any more. */
function reusedBuffer(matrix: Matrix, Type: typeof Float32Array | typeof Float64Array): KeyMatrix {
  const { data, n, d } = matrix;
  let buffer = new Type(0);
  return {
    n,
    d,
    rows(start, end) {
      buffer.fill(Number.NaN);
      if (buffer.length < (end - start) * d) buffer = new Type((end - start) * d);
      buffer.set(data.subarray(start * d, end * d));
      return buffer.subarray(0, (end - start) * d);
    },
  };
}

/** A file on a slow medium: at most 1000 bytes a time would come, so each slice is put together and nothing is shared. */
function copyingSource(bytes: Uint8Array): {
  byteLength: number;
  slice(start: number, end: number): Uint8Array;
} {
  return { byteLength: bytes.length, slice: (start, end) => Uint8Array.from(bytes.subarray(start, end)) };
}

function columnMajor({ data, n, d }: Matrix): Uint8Array {
  const transposed = new Float64Array(n * d);
  for (let i = 0; i < n; i++) for (let c = 0; c < d; c++) transposed[c * n + i] = data[i * d + c];
  const bytes = writeNpy({ data: transposed, shape: [n, d] });
  const header = Buffer.from(bytes.buffer, bytes.byteOffset, 128);
  const at = header.indexOf("'fortran_order': False");
  // One byte shorter, so that a space makes up for it.
  header.write("'fortran_order': True ", at, 'latin1');
  return bytes;
}

function sharedMemory({ data, n, d }: Matrix): Keys {
  const shared = new Float32Array(new SharedArrayBuffer(4 * data.length));
  shared.set(data);
  return { data: shared, shape: [n, d] };
}

const double = ({ data, n, d }: Matrix) => ({ data: Float64Array.from(data), shape: [n, d] });

/** How the same keys are handed in. */
const inputs: Record<string, (matrix: Matrix) => Keys | Promise<Keys>> = {
  'Float32Array in memory': (matrix) => tensor(matrix),
  'dims instead of shape': ({ data, n, d }) => ({ data, dims: [n, d] }),
  'a view into a longer array': ({ data, n, d }) => {
    const longer = new Float64Array(data.length + 7).fill(Number.NaN);
    longer.set(data, 3);
    return { data: longer.subarray(3, 3 + data.length), shape: [n, d] };
  },
  'a matrix of float64 rows in one buffer': (matrix) => reusedBuffer(matrix, Float64Array),
  'a matrix of float32 rows in one buffer': (matrix) => reusedBuffer(matrix, Float32Array),
  '.npy of float64, read at once': async (matrix) => readTensor(writeNpy(double(matrix))),
  '.npy of float32, block by block': async (matrix) =>
    (await openTensor(copyingSource(writeNpy(tensor(matrix))))).matrix(),
  '.npy in column-major order': async (matrix) => readTensor(columnMajor(matrix)),
  '.npz': async (matrix) =>
    (
      await openTensor(
        copyingSource(writeNpz({ other: { data: Float32Array.of(1), shape: [1] }, keys: double(matrix) })),
        'keys',
      )
    ).matrix(),
  '.safetensors of float32': async (matrix) =>
    (await openTensor(copyingSource(writeSafetensors({ keys: tensor(matrix) })))).matrix(),
  '.safetensors of float64, read at once': async (matrix) =>
    readTensor(writeSafetensors({ keys: double(matrix) })),
};

/** What is asked of them; `few` for what is too slow on many rows. */
const questions: Record<string, { options: UniversalSetOptions; few?: true }> = {
  'x^2': { options: { epsilon: 0.02 } },
  'x^2 centred': { options: { epsilon: 0.05, centre: true } },
  'x^2, top': { options: { top: 1 } },
  '|x|^3': { options: { epsilon: 0.1, f: power(3) } },
  '|x|^0.5': { options: { epsilon: 0.1, f: power(0.5) } },
  '|x|^1.5 exact': { options: { epsilon: 0.3, f: power(1.5), exact: true }, few: true },
  huber: { options: { epsilon: 0.2, f: huber(1) } },
  'cauchy centred': { options: { epsilon: 0.3, f: cauchy(2), centre: true } },
};

const asked = Object.entries(subjects).flatMap(([name, matrix]) =>
  Object.entries(questions)
    .filter(([, { few }]) => !few || matrix.n <= 200)
    .map(([question, { options }]) => ({ name, question, matrix, options })),
);

describe.each(asked)('$name, $question', ({ matrix, options }) => {
  const expected = flat(universalSet(double(matrix), options));

  test.each(Object.entries(inputs))('%s', async (_, input) => {
    expect(universalSet(await input(matrix), options)).toEqual(expected);
  });

  test('without blocking, and step by step', async () => {
    expect(await universalSetAsync(tensor(matrix), options)).toEqual(expected);
    const steps = universalSetSteps(tensor(matrix), options);
    let step = steps.next();
    while (!step.done) step = steps.next();
    expect(step.value).toEqual(expected);
  });

  test.each([1, 2, 4])('on %i threads', async (threads) => {
    expect(await universalSetAsync(tensor(matrix), { ...options, threads })).toEqual(expected);
    expect(await universalSetAsync(sharedMemory(matrix), { ...options, threads })).toEqual(expected);
  });

  test('as a head among others, also on several threads', async () => {
    const { data, n, d } = matrix;
    const heads = new Float64Array(2 * 3 * n * d);
    for (let h = 0; h < 6; h++)
      for (let i = 0; i < n * d; i++) heads[h * n * d + i] = h === 4 ? data[i] : 1 / (h + i + 1);
    const result = universalSet({ data: heads, shape: [2, 3, n, d] }, options);
    expect('heads' in result && result.heads[4]).toEqual({ batch: 1, head: 1, ...expected });
    expect(await universalSetAsync({ data: heads, shape: [2, 3, n, d] }, { ...options, threads: 2 })).toEqual(
      result,
    );
  });

  test('the plain kernels agree', () => {
    const before = useKernels(referenceKernels);
    try {
      expect(before.name).toBe('wasm-simd');
      const set = flat(universalSet(double(matrix), options));
      expect(set.indices).toEqual(expected.indices);
      expect(set.rank).toBe(expected.rank);
      set.scores.forEach((score, i) => {
        expect(Math.abs(score - expected.scores[i])).toBeLessThanOrEqual(1e-6 * expected.scores[i]);
      });
    } finally {
      useKernels(before);
    }
  });
});

/** The other functions of keys, blocking and not. */
const functions: Record<
  string,
  readonly [
    (keys: Keys, options: CallOptions) => object,
    (keys: Keys, options: CallOptions) => Promise<object>,
  ]
> = {
  leverageScores: [leverageScores, leverageScoresAsync],
  keyLifetimes: [
    (keys, options) => keyLifetimes(keys, { epsilon: 0.1, ...options }),
    (keys, options) => keyLifetimesAsync(keys, { epsilon: 0.1, ...options }),
  ],
  'lewisWeights, p = 4': [
    (keys, options) => lewisWeights(keys, { p: 4, ...options }),
    (keys, options) => lewisWeightsAsync(keys, { p: 4, ...options }),
  ],
  'sensitivities, p = 1.5': [
    (keys, options) => sensitivities(keys, { p: 1.5, indices: [0], ...options }),
    (keys, options) => sensitivitiesAsync(keys, { p: 1.5, indices: [0], ...options }),
  ],
  'heavyScores of the keys themselves': [
    (keys, options) => heavyScores(keys, keys, { epsilon: 0.05, ...options }),
    (keys, options) => heavyScoresAsync(keys, keys, { epsilon: 0.05, ...options }),
  ],
  'lpCoreset, p = 3': [
    (keys, options) => lpCoreset(keys, { p: 3, rows: 40, ...options }),
    (keys, options) => lpCoresetAsync(keys, { p: 3, rows: 40, ...options }),
  ],
};

test.each(Object.entries(functions))('%s: the same from every input, blocking or not', async (_, [
  call,
  callAsync,
]) => {
  const matrix = subjects['wide and short'];
  const expected = call(double(matrix), {});
  for (const input of Object.values(inputs)) expect(call(await input(matrix), {})).toEqual(expected);
  expect(await callAsync(tensor(matrix), {})).toEqual(expected);
});

/** Runs of several blocks, and one that is cut off. */
const long = draw('student-3', 20_500, 8);

test.each(Object.entries(functions))('%s: the same on every number of threads', async (_, [
  call,
  callAsync,
]) => {
  for (const matrix of [long, subjects['ill-conditioned']]) {
    const expected = call(double(matrix), {});
    for (const threads of [1, 2, 4]) {
      expect(await callAsync(tensor(matrix), { threads })).toEqual(expected);
      expect(await callAsync(sharedMemory(matrix), { threads })).toEqual(expected);
    }
  }
});

describe.each([
  ['minimal set', { epsilon: 0.001 }],
  ['minimal set where a superset is the default', { epsilon: 0.02, exact: true }],
  ['certified superset from a part of the keys', { epsilon: 0.02 }],
  ['keys of largest score', { top: 20 }],
])('%s', (name, options) => {
  const expected = flat(universalSet(double(long), options));

  test('holds what it says', () => {
    expect(expected.indices).not.toEqual([]);
    expect(expected.guarantee).toBe(name.startsWith('certified') ? 'superset' : 'minimal');
  });

  test.each(Object.entries(inputs))('%s: the same on two threads', async (_, input) => {
    expect(await universalSetAsync(await input(long), { ...options, threads: 2 })).toEqual(expected);
  });

  test.each([1, 3, 4])('on %i threads', async (threads) => {
    expect(await universalSetAsync(sharedMemory(long), { ...options, threads })).toEqual(expected);
  });
});

test('calls that run at the same time share the workers', async () => {
  const matrices = [long, subjects['two blocks and a bit'], subjects['ill-conditioned']];
  const together = await Promise.all(
    matrices.flatMap((matrix) =>
      [2, 3].map((threads) => leverageScoresAsync(sharedMemory(matrix), { threads })),
    ),
  );
  expect(together).toEqual(
    matrices.flatMap((matrix) => [leverageScores(tensor(matrix)), leverageScores(tensor(matrix))]),
  );
});

test('a signal ends the call with its reason, in between blocks', async () => {
  const keys = tensor(subjects['two blocks and a bit']);
  const reason = new Error('enough');
  const controller = new AbortController();
  const stop = { signal: controller.signal, onProgress: () => controller.abort(reason) };
  expect(() => universalSet(keys, { epsilon: 0.1, ...stop })).toThrow(reason);
  await expect(universalSetAsync(keys, { epsilon: 0.1, ...stop })).rejects.toThrow(reason);
  await expect(universalSetAsync(keys, { epsilon: 0.1, threads: 2, ...stop })).rejects.toThrow(reason);
  expect(kernels().name).toBe('wasm-simd');
});

/** Ways to sum up keys in one pass, without a trace of how they came. */
const streams: Record<string, (matrix: Matrix, options: SketchOptions) => UniversalSetSketch> = {
  'in one piece': (matrix, options) => inserted(matrix, options, [matrix.n]),
  'a row at a time': (matrix, options) => inserted(matrix, options, [1]),
  'in pieces of 7, 1024 and 500 rows': (matrix, options) => inserted(matrix, options, [7, 1024, 500]),
  'the second half first': (matrix, options) => {
    const sketch = new UniversalSetSketch(options);
    const half = Math.ceil(matrix.n / 2);
    if (half < matrix.n) sketch.insert(tensor(rowsOf(matrix, half, matrix.n)), half);
    sketch.insert(tensor(rowsOf(matrix, 0, half)), 0);
    return sketch;
  },
  'through bytes after every piece': (matrix, options) =>
    inserted(matrix, options, [300], (sketch) => UniversalSetSketch.fromBytes(sketch.toBytes(), options)),
  'merged from parts of their own': (matrix, options) => {
    const whole = new UniversalSetSketch(options);
    for (let start = 0; start < matrix.n; start += 700) {
      const part = new UniversalSetSketch(options);
      part.insert(tensor(rowsOf(matrix, start, Math.min(matrix.n, start + 700))), start);
      whole.merge(part);
    }
    return whole;
  },
};
const inOrder = [
  'in one piece',
  'a row at a time',
  'in pieces of 7, 1024 and 500 rows',
  'through bytes after every piece',
];

function scaledColumns(matrix: Matrix, scales: readonly number[]): Matrix {
  return { ...matrix, data: matrix.data.map((x, i) => x * scales[i % matrix.d]) };
}

function rowsOf({ data, d }: Matrix, start: number, end: number): Matrix {
  return { data: data.slice(start * d, end * d), n: end - start, d };
}

/** Pieces of these sizes in turn. */
function inserted(
  matrix: Matrix,
  options: SketchOptions,
  sizes: readonly number[],
  between = (sketch: UniversalSetSketch) => sketch,
): UniversalSetSketch {
  let sketch = new UniversalSetSketch(options);
  for (let start = 0, i = 0; start < matrix.n; i++) {
    const end = Math.min(matrix.n, start + sizes[i % sizes.length]);
    sketch.insert(tensor(rowsOf(matrix, start, end)));
    sketch = between(sketch);
    start = end;
  }
  return sketch;
}

describe.each([
  ...['x^2', 'x^2 centred', '|x|^3', 'huber', 'cauchy centred'].map((question) => ({
    question,
    ...questions[question].options,
  })),
  { question: '|x|^4', epsilon: 0.2, f: power(4) },
])('in one pass, $question', ({ epsilon = 0.1, f = power(2), centre = false }) => {
  describe.each(
    Object.entries(subjects).filter(([, { n }]) => f.power !== undefined || n < 2000),
  )('%s', (_, matrix) => {
    const options = { d: matrix.d, epsilon, f, centre };
    const whole = streams['in one piece'](matrix, options);
    const set = whole.finish();
    const needed = neededKeys(matrix, options);

    test.each(Object.entries(streams))('%s', (name, stream) => {
      const sketch = stream(matrix, options);
      const found = sketch.finish();
      for (const index of needed) expect(found.indices).toContain(index);
      if (inOrder.includes(name)) {
        expect(Buffer.compare(sketch.toBytes(), whole.toBytes())).toBe(0);
        expect(found).toEqual(set);
      } else if (set.guarantee === 'minimal' && found.guarantee === 'minimal') {
        const doubtful = new Set([...set.undecided, ...found.undecided]);
        const sure = (indices: readonly number[]) => indices.filter((index) => !doubtful.has(index));
        expect(sure(found.indices)).toEqual(sure(set.indices));
      }
    });
  });
});

describe('keys nearer to a plane than doubled precision tells', () => {
  const epsilon = 0.005;
  const near: [string, Matrix][] = [
    ['most of them in it', nearPlane(seeded(3), 1500, 0.3)],
    ['none of them', nearPlane(seeded(2), 700, 30)],
    ['columns scaled', scaledColumns(nearPlane(seeded(5), 900, 0.5), [2 ** -200, 1, 2 ** 200])],
  ];

  describe.each(near)('%s', (_, matrix) => {
    const truth = exactLeverage(matrix);
    const heavy = Array.from({ length: matrix.n }, (_, j) => j).filter((j) => truth.compare(j, epsilon) >= 0);
    const keys = double(matrix);
    const claimAll = ({ indices, scores, undecided, guarantee }: UniversalSet) => {
      expect(heavy.length).toBeGreaterThan(0);
      expect(heavy.filter((j) => !indices.includes(j))).toEqual([]);
      indices.forEach((j, i) => {
        expect(truth.compare(j, scores[i])).toBeLessThanOrEqual(0);
      });
      const light = indices.filter((j) => truth.compare(j, epsilon) < 0 && !undecided.includes(j));
      if (guarantee === 'minimal') expect(light).toEqual([]);
    };

    test('in memory, without blocking and on threads', async () => {
      const set = flat(universalSet(keys, { epsilon, exact: true }));
      claimAll(set);
      claimAll(flat(universalSet(keys, { epsilon })));
      for (const threads of [1, 2])
        expect(await universalSetAsync(keys, { epsilon, exact: true, threads })).toEqual(set);
    });

    test.each(Object.entries(streams))('in one pass, %s', (_, stream) => {
      claimAll(stream(matrix, { d: matrix.d, epsilon }).finish());
    });
  });

  test('a key that alone leaves it has all of the attention', () => {
    const { data, n, d } = nearPlane(seeded(7), 40, 0);
    data[d * 17 + 2] += 1;
    for (const f of [power(2), power(1), power(4), huber(1)])
      expect(flat(universalSet({ data, shape: [n, d] }, { epsilon: 1, f })).indices).toContain(17);
    expect(keyLifetimes({ data, shape: [n, d] }, { epsilon: 1 }).lastNeeded[17]).toBe(n - 1);
  });
});

/** Keys of which it is certain that some query finds them heavy. */
function neededKeys(matrix: Matrix, { epsilon, f, centre }: SketchOptions): number[] {
  if (f?.power === 2) {
    const { indices, undecided } = flat(universalSet(double(matrix), { epsilon, centre, exact: true }));
    return indices.filter((index) => !undecided.includes(index));
  }
  const keys = double(matrix);
  const { cols } = flat(heavyScores(keys, keys, { epsilon: epsilon * (1 + 1e-9), f }));
  return [...new Set(cols)];
}

describe('attention is the same to the last bit', () => {
  const draw = (heads: number, n: number, d: number, seed: number, shared = false) => {
    const { normal } = randomStream(seed);
    const data = Float32Array.from({ length: heads * n * d }, normal);
    if (!shared) return { data, shape: [1, heads, n, d] };
    const copy = new Float32Array(new SharedArrayBuffer(data.byteLength));
    copy.set(data);
    return { data: copy, shape: [1, heads, n, d] };
  };
  const masked = Uint8Array.from({ length: 700 * 900 }, (_, at) => (at % 7 === 0 ? 0 : 1));

  const ofKeys = {
    logWeights: { data: Float64Array.from({ length: 900 }, (_, j) => (j % 9) / 4), shape: [900] },
    attnMask: { data: masked.subarray(0, 900), shape: [1, 1, 1, 900] },
  };

  test.each<[string, number, number, number, boolean, AttentionOptions & { keys?: number; tail?: string }]>([
    ['many small heads', 24, 197, 197, false, { keys: 32 }],
    ['one long head', 2, 3000, 3000, false, { keys: 64, mask: 'causal' }],
    ['all keys in shared memory', 4, 700, 900, true, { mask: 'causal' }],
    ['a mask', 4, 700, 900, false, { attnMask: { data: masked, shape: [700, 900] } }],
    [
      'log-weights and powers',
      4,
      700,
      900,
      false,
      { weights: 3, logWeights: { data: new Float64Array(900).fill(0.5), shape: [900] } },
    ],
    ['clusters', 4, 700, 900, false, { keys: 50, tail: 'clusters' }],
    ['weighted clusters', 4, 700, 900, false, { keys: 50, tail: 'clusters', ...ofKeys }],
    ['weighted moments', 4, 700, 900, false, { keys: 50, tail: 'moments', ...ofKeys }],
    ['clusters for |x|^2', 4, 700, 900, false, { keys: 50, tail: 'clusters', weights: 2, ...ofKeys }],
  ])('on 1, 2 and 4 threads: %s', async (_, heads, m, n, shared, options) => {
    const [q, k, v] = [
      draw(heads, m, 16, 1, shared),
      draw(heads / 2, n, 16, 2, shared),
      draw(heads / 2, n, 8, 3, shared),
    ];
    const dOut = draw(heads, m, 8, 4);
    const { keys } = options;
    const here = keys ? levAttentionVjp(q, k, v, { ...options, keys }) : exactAttentionVjp(q, k, v, options);
    const gradients = here.vjp(dOut);
    for (const threads of [1, 2, 4]) {
      const there = await (keys
        ? levAttentionVjpAsync(q, k, v, { ...options, keys, threads })
        : exactAttentionVjpAsync(q, k, v, { ...options, threads }));
      expect(there.out).toEqual(here.out);
      expect(await there.vjp(dOut)).toEqual(gradients);
      const plain = keys
        ? (await levAttentionAsync(q, k, v, { ...options, keys, threads })).out
        : await exactAttentionAsync(q, k, v, { ...options, threads });
      expect(plain).toEqual(here.out);
    }
  });
});
