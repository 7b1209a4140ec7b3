import { describe, expect, it } from 'vitest';
import { huber } from './huber.js';
import { parseWeight, weightNames } from './parse.js';
import { power } from './power.js';
import { checkWeight, type WeightFunction } from './weight.js';

const named = ['power:0.5', 'power:1', 'power:2', 'power:3.5', 'power:6'].concat(
  ...weightNames
    .filter((name) => name !== 'power')
    .map((name) => [`${name}:1e-3`, `${name}:1`, `${name}:250`]),
);

describe('weight functions', () => {
  it.each(named)('%s meets its own conditions', (name) => {
    const f = parseWeight(name);
    expect(() => checkWeight(f, 'test')).not.toThrow();
    expect(f.name).toBe(name.replace('1e-3', '0.001'));
  });

  // With t = x / scale: values by the textbook formula, in a range where it loses no digits.
  const textbook: Record<string, (t: number) => number> = {
    huber: (t) => (t <= 1 ? t ** 2 / 2 : t - 1 / 2),
    tukey: (t) => (t <= 1 ? (1 - (1 - t ** 2) ** 3) / 6 : 1 / 6),
    cauchy: (t) => Math.log(1 + t ** 2) / 2,
    welsch: (t) => (1 - Math.exp(-(t ** 2))) / 2,
    gemanMcClure: (t) => t ** 2 / (1 + t ** 2) / 2,
    l1l2: (t) => 2 * (Math.sqrt(1 + t ** 2 / 2) - 1),
  };
  it.each(Object.entries(textbook))('%s is the textbook formula', (name, formula) => {
    const f = parseWeight(`${name}:3`);
    for (const t of [0.1, 0.5, 0.99, 1, 1.01, 2, 30]) expect(f.value(-3 * t)).toBeCloseTo(formula(t), 12);
  });

  it.each(Object.keys(textbook))('%s keeps its digits near zero', (name) => {
    const f = parseWeight(`${name}:1`);
    // All of them are t^2/2 to first order.
    expect(f.value(1e-9) / 0.5e-18).toBeCloseTo(1, 9);
  });

  const bad = (change: Partial<WeightFunction>): WeightFunction => ({
    ...power(2),
    power: undefined,
    lowerGrowth: undefined,
    name: 'mine',
    ...change,
  });
  it.each([
    ['odd', bad({ value: (x) => (x > 0 ? x * x : 0) }), /mine must be even/],
    ['decreasing', bad({ value: (x) => x * x * Math.exp(-Math.abs(x)) }), /non-decreasing/],
    ['growing too fast', bad({ value: (x) => Math.abs(x) ** 2.1 }), /growth at most \|x\|\^2/],
    [
      'growing too slowly',
      bad({ value: (x) => Math.abs(x) ** 1.5, lowerGrowth: 1.7 }),
      /growth at least \|x\|\^1.7/,
    ],
    ['a jump', bad({ value: (x) => (Math.abs(x) > 1 ? 1 : 0) }), /growth at most/],
    [
      'growing too fast near zero',
      bad({ value: (x) => (Math.abs(x) < 1e-4 ? x ** 4 * 1e8 : x * x) }),
      /growth at most/,
    ],
    ['softmax', bad({ value: Math.exp }), /zero at zero/],
    ['negative', bad({ value: (x) => -x * x }), /non-negative/],
    ['not a number', bad({ value: (x) => (x > 3 ? Number.NaN : x * x) }), /finite/],
    ['zero', bad({ value: () => 0, lowerGrowth: 0 }), /positive somewhere/],
    ['no growth', bad({ growth: Number.NaN }), /f.growth of mine/],
    ['a wrong power', bad({ power: 3 }), /f.power of mine/],
    ['not the power it says', bad({ power: 2, value: (x) => x ** 4 }), /\|x\|\^2, but f/],
    [
      'the power it says up to 3 only',
      bad({ power: 2, value: (x) => (Math.abs(x) <= 3 ? x * x : x ** 4 / 9) }),
      /\|x\|\^2, but f/,
    ],
    ['a name', 'huber' as unknown as WeightFunction, /f must be a weight function/],
  ])('refuses a function that is %s', (_, f, message) => {
    expect(() => checkWeight(f, 'universalSet')).toThrow(message);
  });

  it.each([
    ['a power', () => power('1.5' as unknown as number), 'power: p must be a positive number, got 1.5'],
    ['a scale', () => huber('2' as unknown as number), 'huber: scale must be a positive number, got 2'],
    ['a growth', () => checkWeight(bad({ growth: '2' as unknown as number }), 'test'), /f.growth of mine/],
    [
      'a lower growth',
      () => checkWeight(bad({ lowerGrowth: '1' as unknown as number }), 'test'),
      /f.lowerGrowth of mine/,
    ],
    [
      'a value',
      () => checkWeight(bad({ value: (x) => String(x * x) as unknown as number }), 'test'),
      /finite/,
    ],
  ])('takes no text for %s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  it.each([
    '',
    'huber',
    'huber:',
    'huber:-1',
    'huber:0',
    'power:NaN',
    'power:Infinity',
    'power:2x',
    'softmax:1',
    'constructor:1',
    'huber:1:2',
  ])("refuses '%s'", (text) => {
    expect(() => parseWeight(text)).toThrow(RangeError);
  });
});
