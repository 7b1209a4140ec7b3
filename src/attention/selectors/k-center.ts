/** Farthest-point keys: every key is within twice the best possible radius of a kept one (Gonzalez, TCS 38, 1985). */
import type { KeyMatrix } from '../../keys.js';
import type { Steps } from '../../steps.js';
import { largestIndex, pointsOf, STEP_WORK, squaredDistance } from './points.js';
import type { Selector } from './selector.js';
import { remaining, union } from './top-keys.js';

function* farthestPoints(keys: KeyMatrix, count: number, always: readonly number[]): Steps<number[]> {
  const { n, d } = keys;
  const points = pointsOf(keys, remaining(n, []));
  const distances = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const chosen: number[] = [];
  const choose = (centre: number) => {
    chosen.push(centre);
    for (let j = 0; j < n; j++) {
      const distance = squaredDistance(points, j, points, centre, d);
      if (distance < distances[j]) distances[j] = distance;
    }
    // A key that is chosen comes after all others, duplicates of chosen keys too.
    distances[centre] = -1;
  };
  for (const j of always) choose(j);
  if (chosen.length === 0) {
    // The points' mean is zero.
    const mean = new Float64Array(d);
    choose(largestIndex(distances.map((_, j) => squaredDistance(points, j, mean, 0, d))));
  }
  let work = 0;
  while (chosen.length < count) {
    choose(largestIndex(distances));
    work += n * d;
    if (work < STEP_WORK) continue;
    work = 0;
    yield { phase: 'k-center', done: chosen.length, total: count };
  }
  return union(chosen, []);
}

/** The key farthest from the mean, then again and again the one farthest from those chosen. O(n d count). */
export const kCenter: Selector = {
  name: 'k-center',
  select: (keys, count, { always }) => farthestPoints(keys, count, always),
};
