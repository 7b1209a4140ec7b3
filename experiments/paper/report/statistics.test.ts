/** Each rule just inside and just outside its bound, computed by hand. */
import { describe, expect, it } from 'vitest';
import { estimate, signBySpread, signOf, signOfShares, verdictOf } from './statistics.js';

describe('signs', () => {
  it('of a mean, by Student: 4.303 standard errors of three values, 12.706 of two, none of one', () => {
    // Standard deviation 1, standard error 1 / sqrt(3): 2.484 is 4.303 of them.
    const three = (mean: number) => estimate([mean - 1, mean, mean + 1]);
    expect([2.48, 2.49, -2.48, -2.49].map((mean) => signOf(three(mean)))).toEqual([0, 1, 0, -1]);
    // Standard error 1.
    const two = (mean: number) => estimate([mean - 1, mean + 1]);
    expect([12.7, 12.71].map((mean) => signOf(two(mean)))).toEqual([0, 1]);
    expect(signOf(estimate([9]))).toBe(0);
  });

  it('of a difference of two seeds, by the spread of others', () => {
    // Variance 1 with two degrees of freedom, of a difference 2: 4.303 sqrt(2) = 6.085.
    expect([6.08, 6.09, -6.09].map((x) => signBySpread(x, [[1, 2, 3]]))).toEqual([0, 1, -1]);
    // (2 x 1 + 1 x 8) / 3 with three degrees: 3.182 sqrt(2 x 10 / 3) = 8.216; a single value says nothing.
    expect([8.21, 8.22].map((x) => signBySpread(x, [[1, 2, 3], [0, 4], [7]]))).toEqual([0, 1]);
    // Sixteen degrees are taken for eight, of which the bound is wider: 2.306 sqrt(2) = 3.261.
    const many = new Array(8).fill([1, 2, 3]);
    expect([3.26, 3.27].map((x) => signBySpread(x, many))).toEqual([0, 1]);
    expect(signBySpread(1e9, [[1], []])).toBe(0);
  });

  it('of two shares of as many images', () => {
    // 1.96 sqrt((0.25 + 0.24) / 1000) = 0.0434 around 0.1 of 0.5 and 0.4; around 0.04 it is 0.0438.
    expect(signOfShares(0.5, 0.4, 1000)).toBe(1);
    expect([signOfShares(0.5, 0.46, 1000), signOfShares(0.5, 0.455, 1000)]).toEqual([0, 1]);
    expect(signOfShares(0.455, 0.5, 1000)).toBe(-1);
  });
});

it('holds where something can be told and nothing tells the contrary', () => {
  expect([[], [0], [0, 1], [1, -1, 0]].map((signs) => verdictOf(signs as (0 | 1 | -1)[]))).toEqual([
    undefined,
    undefined,
    true,
    false,
  ]);
});
