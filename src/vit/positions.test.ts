/** Fixed positions against posemb_sincos_2d of big_vision, written out as its einsums have it. */
import { expect, test } from 'vitest';
import { vitShape } from './config.js';
import { initialParameters, parameterParts } from './parameters.js';
import { sincosPositions } from './positions.js';

/** [h w, width]. */
function posembSincos2d(h: number, w: number, width: number): number[][] {
  const omega = Array.from({ length: width / 4 }, (_, i) => 1 / 10_000 ** (i / (width / 4 - 1)));
  const rows: number[][] = [];
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      rows.push([
        ...omega.map((o) => Math.sin(x * o)),
        ...omega.map((o) => Math.cos(x * o)),
        ...omega.map((o) => Math.sin(y * o)),
        ...omega.map((o) => Math.cos(y * o)),
      ]);
  return rows;
}

const shape = vitShape({ image: [6, 10], patch: 2, width: 16, heads: 2, positions: 'sincos2d' });

test('rows and columns of patches in sines and cosines, zeros for the class token', () => {
  const expected = [new Array(16).fill(0), ...posembSincos2d(3, 5, 16)].flat();
  const positions = sincosPositions(shape);
  expect(positions).toHaveLength(16 * 16);
  expected.forEach((value, i) => {
    expect(positions[i]).toBeCloseTo(value, 6);
  });
});

test('they are what a model begins with', () => {
  const { start, end } = parameterParts(shape).find(({ name }) => name === 'pos_embed')!;
  expect(initialParameters(shape, 3).subarray(start, end)).toEqual(sincosPositions(shape));
});
