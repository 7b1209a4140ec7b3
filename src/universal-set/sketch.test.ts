import { describe, expect, test } from 'vitest';
import type { Matrix } from '../../test/oracle/matrix.js';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { huber } from '../weights/huber.js';
import { power } from '../weights/power.js';
import { tukey } from '../weights/tukey.js';
import type { WeightFunction } from '../weights/weight.js';
import { UniversalSetSketch } from './sketch.js';
import type { SketchOptions } from './sketch-options.js';
import { draw, heavyTailed, part, part2, sketchOf } from './testing.js';
import { universalSet } from './universal-set.js';

/** What a stream in parts ends with, and the most rows of one level that it held. */
function heldBy({ data, n, d }: Matrix, epsilon: number, f: WeightFunction = power(2)) {
  const sketch = new UniversalSetSketch({ d, epsilon, f });
  let most = 0;
  for (let at = 0; at < n; at += 700) {
    sketch.insert(part({ data, n, d }, at, Math.min(n, at + 700)));
    most = Math.max(most, sketch.held.indices.length);
  }
  return { set: sketch.finish(), most };
}

describe('one stream', () => {
  test('gives the minimal set of universalSet', () => {
    const options = { epsilon: 0.01 };
    const set = sketchOf(heavyTailed, options).finish();
    const batch = universalSet(part(heavyTailed, 0, heavyTailed.n), { ...options, exact: true });
    expect(set.indices.length).toBeGreaterThan(30);
    expect(set).toEqual({ ...batch, margin: set.margin });
    expect(set.margin).toBeLessThan(1e-10);
  });

  test.each<[string, SketchOptions['f'], number]>([
    ['x^2', power(2), 0.005],
    ['x^4', power(4), 0.05],
    ['huber', huber(1), 0.05],
  ])('does not depend on the chunks, to the last byte: %s', (_, f, epsilon) => {
    const whole = sketchOf(heavyTailed, { epsilon, f }).toBytes();
    for (const chunk of [1, 313, 1024, 3000])
      expect(Buffer.compare(sketchOf(heavyTailed, { epsilon, f }, chunk).toBytes(), whole)).toBe(0);
  });

  test('holds no more than it says', () => {
    const { n, d } = heavyTailed;
    const sketch = new UniversalSetSketch({ d, epsilon: 0.05 });
    const most = 44 * d * d + (2 * d) / 0.05 + 2048;
    for (let at = 0; at < 200_000; at += n) {
      sketch.insert(part(heavyTailed, 0, n), at);
      expect(sketch.toBytes().length).toBeLessThan(8 * most * (d + 1));
    }
    expect(sketch.rows).toBe(n * Math.ceil(200_000 / n));
    expect(sketch.finish().indices).toEqual([]);
  });

  test('holds what rounding will not decide, although it is decided while there are fewer rows', () => {
    // Two rows of score 1/2 in a column of their own: more rows change nothing but the margin.
    const n = 40_000;
    const data = Float32Array.from({ length: 2 * n }, (_, i) => (i % 2 === (i < 4 ? 0 : 1) ? 1 : 0));
    const keys = (rows: number) => part({ data, n, d: 2 }, 0, rows);
    const [few, all] = [1024, n].map((rows) => {
      const { margin } = universalSet(keys(rows), { epsilon: 0.5, exact: true });
      return margin;
    });
    // A margin is the error of a score below the threshold and above it.
    const epsilon = 0.5 * (1 + (few + all) / 4);
    expect(universalSet(keys(1024), { epsilon, exact: true }).indices).toEqual([]);
    expect(universalSet(keys(n), { epsilon, exact: true }).undecided).toEqual([0, 1]);
    expect(sketchOf({ data, n, d: 2 }, { epsilon }).finish().undecided).toEqual([0, 1]);
  });

  test('goes on after finish as if nothing had been', () => {
    const sketch = sketchOf(part2(0, 3000), { epsilon: 0.01 });
    sketch.finish();
    sketch.insert(part(heavyTailed, 3000, 5001));
    expect(sketch.finish()).toEqual(sketchOf(heavyTailed, { epsilon: 0.01 }).finish());
  });

  test('while all rows are held, the set is that of universalSet', () => {
    const few = draw('integers of low rank', 300, 5);
    for (const f of [power(2), power(1), power(4), tukey(1)]) {
      const options = { epsilon: 0.1, f, centre: true };
      expect(sketchOf(few, options, 7).finish()).toEqual(
        universalSet(part(few, 0, few.n), { ...options, exact: f.power === 2 }),
      );
    }
  });
});

describe('what the Gram cannot tell', () => {
  test.each([
    'copied columns',
    'products of low rank',
    'condition beyond 1e6',
  ])('%s: a superset, of bounded size', (name) => {
    const matrix = draw(name, 6000, 6);
    const set = sketchOf(matrix, { epsilon: 0.02 }).finish();
    const batch = universalSet(part(matrix, 0, matrix.n), { epsilon: 0.02, exact: true });
    expect(batch.indices.filter((j) => !set.indices.includes(j))).toEqual([]);
    expect(set.guarantee).toBe('superset');
    expect(set.indices.length).toBeLessThanOrEqual(6 / 0.02);
    expect(set.rank).toBe(6);
  });

  test.each([
    [4e-15, false],
    [1.6e-15, false],
    [1.6e-15, true],
    [8e-16, true],
  ])('one direction and noise of %d of it, scaled by row: %s: few rows are held, few are kept', (eta, scaled) => {
    const [n, d, epsilon] = [60_000, 3, 1];
    for (let seed = 1; seed <= 4; seed++) {
      const random = seeded(seed);
      const base = Array.from({ length: d }, () => random.gaussian());
      const data = new Float64Array(n * d);
      for (let j = 0; j < n; j++) {
        const factor = scaled ? random.gaussian() : 1;
        for (let c = 0; c < d; c++) data[j * d + c] = factor * (base[c] + eta * random.gaussian());
      }
      const { set, most } = heldBy({ data, n, d }, epsilon);
      expect(most).toBeLessThanOrEqual((2 * d) / epsilon + 2048);
      const alone = universalSet({ data, shape: [n, d] }, { epsilon });
      for (const { indices, undecided, sizeBound } of [set, alone]) {
        expect(indices.length - undecided.length).toBeLessThanOrEqual(sizeBound);
        expect(indices.length).toBeLessThanOrEqual(d / epsilon);
      }
    }
  });

  test.each([
    ['power:2', power(2), 0.1],
    ['power:4', power(4), 0.3],
    ['huber', huber(1), 0.5],
  ])('rows of whole numbers at 1e-30 of themselves from a plane: few are held, %s', (_, f, epsilon) => {
    const matrix = nearPlane(seeded(2), 8000, 10);
    const { set, most } = heldBy(matrix, epsilon, f);
    expect(most).toBeLessThanOrEqual((4 * matrix.d ** Math.max(1, (f.power ?? 2) / 2)) / epsilon + 2048);
    expect(set.indices.length - set.undecided.length).toBeLessThanOrEqual(set.sizeBound);
  });

  test('many rows far below one: judged among themselves', () => {
    const [n, d] = [12_000, 3];
    const random = seeded(1);
    const data = Float64Array.from({ length: n * d }, () => 1e-40 * random.gaussian());
    data.set([1, 1, 0]);
    data.set([0, 0, 1e-39], 5 * d);
    const { set, most } = heldBy({ data, n, d }, 0.5);
    expect(most).toBeLessThanOrEqual((2 * d) / 0.5 + 2048);
    expect(set.indices).toContain(0);
    expect(set.indices.length).toBeLessThanOrEqual(6);
    const alone = universalSet({ data, shape: [n, d] }, { epsilon: 0.5, exact: true });
    expect(alone.indices.length).toBeLessThanOrEqual(6);
  });

  test('numbers whose squares leave float64', () => {
    const data = Float64Array.from(heavyTailed.data, (x) => x * 1e-170);
    data[3000 * 6] = 1e170;
    const set = sketchOf({ ...heavyTailed, data }, { epsilon: 0.05 }).finish();
    expect(set.indices).toContain(3000);
    expect(set.guarantee).toBe('superset');
  });

  test('tensors whose products leave float64', () => {
    const data = new Float64Array(3000);
    data[1500] = 1e-170;
    const set = sketchOf({ data, n: 3000, d: 1 }, { epsilon: 0.9, f: power(4) }).finish();
    expect(set.indices).toEqual([1500]);
  });

  test('a column that is zero for long', () => {
    const data = heavyTailed.data.slice();
    for (let j = 0; j < heavyTailed.n; j++) if (j !== 4100) data[j * 6 + 2] = 0;
    data[4100 * 6 + 2] = 1e-30;
    const set = sketchOf({ ...heavyTailed, data }, { epsilon: 0.9 }).finish();
    expect(set.indices).toContain(4100);
    expect(set.guarantee).toBe('minimal');
  });
});

describe('merging', () => {
  const parts = Array.from({ length: 12 }, (_, i) => [i * 417, Math.min(5001, (i + 1) * 417)] as const);
  const bytesOf = (options: Omit<SketchOptions, 'd'>) =>
    parts.map(([start, end]) => {
      const sketch = new UniversalSetSketch({ d: heavyTailed.d, ...options });
      sketch.insert(part(heavyTailed, start, end), start);
      return sketch.toBytes();
    });

  function mergedBy(order: ReturnType<typeof seeded>, parts: readonly Uint8Array[], f: WeightFunction) {
    const sketches = parts.map((bytes) => UniversalSetSketch.fromBytes(bytes, { f }));
    while (sketches.length > 1) {
      const [taken] = sketches.splice(order.integer(0, sketches.length - 1), 1);
      sketches[order.integer(0, sketches.length - 1)].merge(taken);
    }
    return sketches[0];
  }

  test('a thousand random trees give one set', () => {
    const epsilon = 0.01;
    const f = power(2);
    const bytes = bytesOf({ epsilon, f });
    const set = universalSet(part(heavyTailed, 0, 5001), { epsilon, f, exact: true });
    for (let seed = 1; seed <= 1000; seed++) {
      const { indices, scores, undecided, guarantee } = mergedBy(seeded(seed), bytes, f).finish();
      expect(indices).toEqual(set.indices);
      expect(undecided).toEqual([]);
      expect(guarantee).toBe('minimal');
      scores.forEach((score, i) => {
        expect(Math.abs(score - set.scores[i])).toBeLessThan(1e-12);
      });
    }
  });

  test('the cascade: random trees give the sets of peeling, less what is light among these', () => {
    const epsilon = 0.1;
    const f = huber(1);
    const bytes = bytesOf({ epsilon, f });
    const whole = sketchOf(heavyTailed, { epsilon, f }).finish().indices;
    const peeled = universalSet(part(heavyTailed, 0, 5001), { epsilon, f }).indices;
    expect(whole.filter((j) => !peeled.includes(j))).toEqual([]);
    for (let seed = 1; seed <= 50; seed++)
      expect(mergedBy(seeded(seed), bytes, f).finish().indices).toEqual(whole);
  });

  test('the same tree gives the same bytes', () => {
    const bytes = bytesOf({ epsilon: 0.02 });
    const merged = () => mergedBy(seeded(3), bytes, power(2)).toBytes();
    expect(Buffer.compare(merged(), merged())).toBe(0);
  });

  test('leaves the other sketch as it was', () => {
    const first = sketchOf(part2(0, 3000), { epsilon: 0.02 });
    const second = new UniversalSetSketch({ d: 6, epsilon: 0.02 });
    second.insert(part(heavyTailed, 3000, 5001), 3000);
    const before = second.toBytes();
    first.merge(second);
    expect(Buffer.compare(second.toBytes(), before)).toBe(0);
    expect(first.finish().indices).toEqual(sketchOf(heavyTailed, { epsilon: 0.02 }).finish().indices);
  });
});

describe('a second pass', () => {
  test('finds the set by the Gram alone', () => {
    const sketch = sketchOf(heavyTailed, { epsilon: 0.01 });
    const { indices, scores, undecided } = sketch.finish();
    expect(sketch.filter(part(heavyTailed, 0, 5001))).toEqual({ indices, scores, undecided });
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const { data, shape } = part(heavyTailed, 2000, 5001);
      const spoilt = data.slice();
      spoilt[6 * 1500 + 4] = value;
      expect(() => sketch.filter({ data: spoilt, shape }, 2000)).toThrow(
        `filter: keys must be finite, got ${value} at row 3500, column 4`,
      );
    }
    expect(() => sketch.filter(part(heavyTailed, 0, 9), 4993)).toThrow('rows 4993 to 5001 are not all in it');
    // Another part, or an offset that was forgotten.
    expect(() => sketch.filter(part(heavyTailed, 2000, 5001))).toThrow('is another one');
    const huge = Float32Array.from(heavyTailed.data);
    huge[3 * 6] = 1e9;
    expect(() => sketch.filter({ data: huge, shape: [5001, 6] })).toThrow(
      'filter: the keys must be rows of the sketch, and row 3 is',
    );
    const tail = sketch.filter(part(heavyTailed, 2000, 5001), 2000);
    expect(tail.indices).toEqual(indices.filter((j) => j >= 2000));
  });

  test.each([
    ['of low rank', (x: Float64Array) => x.fill(x[0], 3)],
    ['that are ill-conditioned', (x: Float64Array) => x.fill(x[0] * (1 + 2 ** -30 * x[1]), 3)],
  ])('of rows %s gives the set of finish, part by part', (_, change) => {
    const { data } = draw('student-2', 20_000, 4);
    const rows = Float64Array.from(data);
    for (let j = 0; j < 20_000; j++) change(rows.subarray(4 * j, 4 * j + 4));
    const keys = { data: rows, n: 20_000, d: 4 };
    const sketch = sketchOf(keys, { epsilon: 0.01 });
    expect(sketch.held.indices.length).toBeLessThan(5000);
    const set = sketch.finish();
    expect(set.guarantee).toBe('superset');
    const exact = universalSet(part(keys, 0, 20_000), { epsilon: 0.01, exact: true });
    expect(exact.indices.length).toBeGreaterThan(5);
    const parts = [0, 1, 777, 9000].map((start, i, starts) =>
      sketch.filter(part(keys, start, starts[i + 1] ?? 20_000), start),
    );
    const indices = parts.flatMap((heavy) => heavy.indices);
    expect(indices).toEqual(set.indices);
    expect(exact.indices.filter((j) => !indices.includes(j))).toEqual([]);
    expect(parts.flatMap(({ scores }) => scores)).toEqual(set.scores);
    // Only upper ends are known.
    expect(parts.flatMap(({ undecided }) => undecided)).toEqual(set.indices);

    const spoilt = rows.slice();
    spoilt[4 * 5 + 2] = Number.NaN;
    expect(() => sketch.filter({ data: spoilt, shape: [20_000, 4] })).toThrow(
      'filter: keys must be finite, got NaN at row 5, column 2',
    );
    const at = indices[2];
    const other = rows.slice();
    other[4 * at] += 1;
    expect(() => sketch.filter({ data: other, shape: [20_000, 4] })).toThrow(
      `filter: the keys must be rows of the sketch, and row ${at} is another one`,
    );
    // What is inserted later counts.
    sketch.insert({ data: Float64Array.of(1e9, 0, 0, 1e9), shape: [1, 4] });
    const later = sketch.filter(part(keys, 0, 20_000)).indices;
    expect(later).toEqual(sketch.finish().indices.filter((j) => j < 20_000));
    expect(later).not.toEqual(indices);
  });

  test('while all rows are held, what is certain is not called undecided', () => {
    const sketch = sketchOf({ data: Float64Array.of(1, 1, 1, 1, 2, 2), n: 3, d: 2 }, { epsilon: 0.3 });
    const { guarantee, indices, scores, undecided } = sketch.finish();
    expect({ guarantee, indices, undecided }).toEqual({ guarantee: 'minimal', indices: [2], undecided: [] });
    expect(sketch.filter({ data: Float64Array.of(2, 2), shape: [1, 2] }, 2)).toEqual({
      indices,
      scores,
      undecided,
    });
  });

  test('refuses what it cannot say', () => {
    const sketch = sketchOf(heavyTailed, { epsilon: 0.1 });
    expect(() => sketch.filter({ data: new Float32Array(4), shape: [1, 4] })).toThrow(
      'filter: keys must have 6 columns, got 4',
    );
    const estimator = sketchOf(heavyTailed, { epsilon: 0.1, f: huber(2) });
    expect(() => estimator.filter(part(heavyTailed, 0, 9))).toThrow('must be for f = power:2, got huber:2');
  });
});

describe('refusals', () => {
  const options = { d: 6, epsilon: 0.1 };
  test.each<[string, () => unknown, string]>([
    ['d', () => new UniversalSetSketch({ ...options, d: 0 }), 'd must be a positive whole number, got 0'],
    ['epsilon', () => new UniversalSetSketch({ ...options, epsilon: 2 }), 'epsilon must be in (0, 1], got 2'],
    [
      'tensors',
      () => new UniversalSetSketch({ d: 100, epsilon: 0.1, f: power(4) }),
      'at most 4096 columns are taken, got 5050, those of the tensors of power:4',
    ],
    [
      'levels',
      () => new UniversalSetSketch({ d: 4, epsilon: 1e-6, f: tukey(1) }),
      'epsilon must be at least 1/4096 for f = tukey:1, got 0.000001',
    ],
    ['nothing', () => new UniversalSetSketch(options).finish(), 'the sketch must have rows, got none'],
    [
      'columns',
      () => new UniversalSetSketch(options).insert({ data: new Float32Array(4), shape: [1, 4] }),
      'insert: keys must have 6 columns, got 4',
    ],
    [
      'offset',
      () => new UniversalSetSketch(options).insert(part(heavyTailed, 0, 9), 2 ** 53 - 3),
      'offset + n below 2^53',
    ],
    [
      'rows that came',
      () => sketchOf(heavyTailed, options).insert(part(heavyTailed, 0, 9), 4995),
      'rows 4995 to 5000 are in the sketch already',
    ],
    [
      'merge of rows that came',
      () => sketchOf(heavyTailed, options).merge(sketchOf(part2(10, 20), options)),
      'rows 0 to 9 are in the sketch already',
    ],
    [
      'merge of another epsilon',
      () => sketchOf(heavyTailed, options).merge(new UniversalSetSketch({ d: 6, epsilon: 0.2 })),
      'merge: both must have the same epsilon, got 0.1 and 0.2',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test.each([
    [Number.NaN, 10],
    [Number.POSITIVE_INFINITY, 1500],
    [Number.NEGATIVE_INFINITY, 5000],
  ])('%d in row %d, in chunks of any size; the rows before are in', (value, row) => {
    const data = heavyTailed.data.slice();
    data[row * 6 + 4] = value;
    for (const chunk of [1, 600, 5001]) {
      const sketch = new UniversalSetSketch(options);
      const insert = () => {
        for (let at = 0; at < 5001; at += chunk)
          sketch.insert(part({ data, n: 5001, d: 6 }, at, Math.min(5001, at + chunk)));
      };
      expect(insert).toThrow(`insert: keys must be finite, got ${value} at row ${row}, column 4`);
      expect(sketch.rows).toBeLessThanOrEqual(row);
      const rest = sketch.rows;
      sketch.insert(part(heavyTailed, rest, 5001));
      expect(sketch.finish()).toEqual(sketchOf(heavyTailed, options).finish());
    }
  });
});
