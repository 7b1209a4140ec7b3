import { expect, test, vi } from 'vitest';
import { nearPlane } from '../../test/oracle/near-plane.js';
import { seeded } from '../../test/oracle/random.js';
import { OnlineKeys } from './online-keys.js';
import { thinned } from './thinned.js';

vi.mock('./thinned.js', { spy: true });

test('whole numbers are for keys that there is no more room for, and for the end', () => {
  const { data, n, d } = nearPlane(seeded(3), 150, 1);
  const cache = new OnlineKeys({ d, epsilon: 0.9 });
  for (let j = 0; j < n; j++) {
    cache.push(data.subarray(d * j, d * j + d));
    // 2 d/epsilon, and 64.
    expect(cache.alive.length).toBeLessThanOrEqual(71);
  }
  expect(vi.mocked(thinned).mock.calls.length).toBeLessThan(10);
  cache.settle();
  expect(cache.alive.length).toBeLessThanOrEqual(6);
});
