/** All checks, with how many cases of each a test run takes; together more than ten thousand. */
import type { Check } from './check.js';
import { checkEstimator, checkOwnFunction } from './estimators.js';
import { checkFaceValue } from './face-value.js';
import { checkHeavy } from './heavy.js';
import { checkHeld } from './held.js';
import { checkInvariance } from './invariance.js';
import { checkLazy } from './lazy.js';
import { checkLifetimes } from './lifetimes.js';
import { checkPower } from './powers.js';
import { checkLeverage, checkLewis, checkSensitivities } from './scores.js';
import { checkSketch } from './sketch.js';
import { checkSquare } from './square.js';
import { checkTop } from './top.js';

export interface Entry {
  readonly name: string;
  readonly check: Check;
  readonly count: number;
}

export const checks: readonly Entry[] = [
  { name: 'square', check: checkSquare, count: 4000 },
  { name: 'lazy', check: checkLazy, count: 2000 },
  { name: 'leverage', check: checkLeverage, count: 1500 },
  { name: 'face value', check: checkFaceValue, count: 1000 },
  { name: 'lifetimes', check: checkLifetimes, count: 1000 },
  { name: 'power', check: checkPower, count: 1500 },
  { name: 'estimator', check: checkEstimator, count: 1200 },
  { name: 'own function', check: checkOwnFunction, count: 600 },
  { name: 'top', check: checkTop, count: 700 },
  { name: 'heavy', check: checkHeavy, count: 1500 },
  { name: 'invariance', check: checkInvariance, count: 700 },
  { name: 'sketch', check: checkSketch, count: 800 },
  { name: 'held', check: checkHeld, count: 200 },
  { name: 'lewis', check: checkLewis, count: 500 },
  { name: 'sensitivities', check: checkSensitivities, count: 500 },
];
