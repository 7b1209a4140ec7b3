/** No key is lost: more than ten thousand random, adversarial and degenerate cases against independent oracles. */
import { expect, test } from 'vitest';
import { repeat } from './check.js';
import { checks } from './checks.js';

test('ten thousand cases', () => {
  expect(checks.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(10_000);
});

test.each(checks)('$name: $count cases', ({ name, check, count }) => repeat(name, check, count));
