import { describe, expect, test } from 'vitest';
import { huber } from '../weights/huber.js';
import { UniversalSetSketch } from './sketch.js';
import type { SketchOptions } from './sketch-options.js';
import { draw, heavyTailed, part, part2, sketchOf } from './testing.js';

describe('bytes', () => {
  const sketch = sketchOf(draw('student-2', 1500, 2), { epsilon: 0.02 });
  const bytes = sketch.toBytes();

  test('a sketch from bytes goes on bit for bit', () => {
    const first = sketchOf(part2(0, 2500), { epsilon: 0.005 });
    const second = UniversalSetSketch.fromBytes(first.toBytes());
    for (const each of [first, second]) each.insert(part(heavyTailed, 2500, 5001));
    expect(Buffer.compare(first.toBytes(), second.toBytes())).toBe(0);
    expect(second.finish()).toEqual(first.finish());
  });

  test('at the least epsilon too, where more rows may be heavy than positions count', () => {
    for (const epsilon of [1e-17, 1e-300, Number.MIN_VALUE]) {
      const tiny = sketchOf(part2(0, 100), { epsilon });
      expect(UniversalSetSketch.fromBytes(tiny.toBytes()).finish()).toEqual(tiny.finish());
    }
  });

  test('every change of one byte is refused', () => {
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice();
      damaged[i] ^= 1 + (i % 255);
      expect(() => UniversalSetSketch.fromBytes(damaged)).toThrow(RangeError);
    }
  });

  test('every cut is refused', () => {
    for (let length = 0; length < bytes.length; length += 7)
      expect(() => UniversalSetSketch.fromBytes(bytes.subarray(0, length))).toThrow(RangeError);
  });

  test.each<[string, Partial<SketchOptions>, string]>([
    ['d', { d: 3 }, 'fromBytes: both must have the same d, got 3 and 2'],
    ['epsilon', { epsilon: 0.5 }, 'the same epsilon, got 0.5 and 0.02'],
    ['f', { f: huber(1) }, 'the same f, got huber:1 and power:2'],
    ['centre', { centre: true }, 'the same centre, got true and false'],
  ])('another %s than expected is refused', (_, expected, message) => {
    expect(() => UniversalSetSketch.fromBytes(bytes, expected)).toThrow(message);
  });

  test('another version is refused', () => {
    const later = bytes.slice();
    later[8] = 1;
    expect(() => UniversalSetSketch.fromBytes(later)).toThrow('must be of version 2, got 1');
  });

  test('a note comes with the bytes it was given to', () => {
    const noted = UniversalSetSketch.fromBytes(sketch.toBytes('rows of “keys”'));
    expect([sketch.note, noted.note]).toEqual(['', 'rows of “keys”']);
    expect(noted.toBytes()).toEqual(bytes);
    expect(() => sketch.toBytes(7 as never)).toThrow('toBytes: the note must be a string, got 7');
  });
});
