/** The selectors by name, as options and the command line write them: 'leverage', 'lewis:4', 'snapkv:32'. */
import { kCenter } from './k-center.js';
import { kMeans } from './k-means.js';
import { leverage, leverageCentred } from './leverage.js';
import { lewis } from './lewis.js';
import { oracle } from './oracle.js';
import { random } from './random.js';
import { recentSinks } from './recent-sinks.js';
import type { Selector } from './selector.js';
import { snapKv } from './snapkv.js';
import { squaredNorm } from './squared-norm.js';
import { stride } from './stride.js';

/** To add a selector, write its file and name it here: the tests and the command line take it from this list. */
const plain: readonly Selector[] = [
  leverage,
  leverageCentred,
  squaredNorm,
  random,
  stride,
  kMeans,
  kCenter,
  oracle,
];

/** Selectors with a number after a colon, which may be left out. */
const parametrised = new Map<string, (parameter?: number) => Selector>([
  ['lewis', lewis],
  ['recent-sinks', recentSinks],
  ['snapkv', snapKv],
]);

function namesOfAll(): string[] {
  return [...plain, ...Array.from(parametrised.values(), (make) => make())].map(({ name }) => name);
}

/** The names of all selectors, those with a parameter at its default. */
export const selectorNames: readonly string[] = /* @__PURE__ */ namesOfAll();

/**
 * The selector of a name: one of `selectorNames`, or `lewis:P`, `recent-sinks:COUNT`, `snapkv:WINDOW`.
 *
 * @throws RangeError for a name or a parameter that does not exist.
 *
 * @example
 * ```ts
 * import { parseSelector } from 'levattention';
 *
 * parseSelector('lewis:3').name; // => 'lewis:3'
 * parseSelector('snapkv').name; // => 'snapkv:32'
 * ```
 */
export function parseSelector(text: string): Selector {
  const known = plain.find(({ name }) => name === text);
  if (known) return known;
  const [, name, parameter] = /^([a-z-]+)(?::(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  const make = parametrised.get(name);
  if (!make)
    throw new RangeError(
      `parseSelector: the selector must be one of ${selectorNames.join(', ')} (the numbers may change), got '${text}'`,
    );
  return make(parameter === undefined ? undefined : Number(parameter));
}
