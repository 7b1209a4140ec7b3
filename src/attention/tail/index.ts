/** The tails by name, as options and the command line write them: 'drop', 'sample:exact=0.25', 'clusters:exact=0.5,metric=queries'. */
import type { ClustersOptions } from './cluster-plans.js';
import { clusters } from './clusters.js';
import { drop } from './drop.js';
import { mean } from './mean.js';
import { moments } from './moments.js';
import { sample } from './sample.js';
import type { Tail } from './tail.js';

/** The names of all tails. */
export const tailNames: readonly string[] = ['drop', 'sample', 'mean', 'moments', 'clusters'];

/** What a setting may be. */
const shares = 'a number in [0, 1)';
const kinds = {
  by: ['residual', 'selector', 'both', 'attention', 'auto'],
  metric: ['euclidean', 'queries', 'auto'],
  weights: ['counts', 'spread', 'auto'],
} as const;

function refuse(text: string, rule: string): never {
  throw new RangeError(`parseTail: ${rule}, got '${text}'`);
}

/** A share in [0, 1), or undefined. */
function shareOf(value: string): number | undefined {
  return /^(0|0?\.\d+|0\.|\d(\.\d+)?e-[1-9]\d*)$/.test(value) ? Number(value) : undefined;
}

function wholeOf(text: string, setting: string, value: string): number {
  const number = /^\d{1,6}$/.test(value) ? Number(value) : 0;
  return number > 0 ? number : refuse(text, `${setting} must be a positive whole number`);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A setting by its name; one without a value is a word. */
type Setting = readonly [name: string, value?: string];

function settingOf(text: string): Setting {
  const at = text.indexOf('=');
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** What the settings of `clusters` say. */
function clustersOptions(text: string, settings: readonly Setting[]): ClustersOptions {
  const options: Mutable<ClustersOptions> = {};
  settings.forEach(([name, value], i) => {
    if (value === undefined) setWord(options, text, name);
    else setValue(options, text, name, value);
    if (Object.keys(options).length <= i) refuse(text, 'settings of clusters are given once each');
  });
  return options;
}

function refuseSetting(text: string): never {
  return refuse(
    text,
    'settings of clusters are window, exact, by, metric, values, keys, weights, iterations and segments',
  );
}

/** A setting without a value. */
function setWord(options: Mutable<ClustersOptions>, text: string, name: string): void {
  if (name === 'values' || name === 'keys') options.values = name === 'values';
  else if (kinds.metric.includes(name as never)) options.metric = name as ClustersOptions['metric'];
  else refuseSetting(text);
}

function setValue(options: Mutable<ClustersOptions>, text: string, name: string, value: string): void {
  const share = () =>
    value === 'auto' ? value : (shareOf(value) ?? refuse(text, `${name} must be ${shares} or auto`));
  const oneOf = <T extends string>(allowed: readonly T[]): T =>
    allowed.find((kind) => kind === value) ?? refuse(text, `${name} must be one of ${allowed.join(', ')}`);
  if (name === 'window') options.window = share();
  else if (name === 'exact') options.exactShare = share();
  else if (name === 'by') options.exactBy = oneOf(kinds.by);
  else if (name === 'metric') options.metric = oneOf(kinds.metric);
  else if (name === 'weights') options.weights = oneOf(kinds.weights);
  else if (name === 'iterations' || name === 'segments') options[name] = wholeOf(text, name, value);
  else refuseSetting(text);
}

/**
 * The tail of a name: `drop`, `sample`, `mean`, `moments` or `clusters`. After a colon `sample` takes `exact=SHARE`, and `clusters` any of
 * `window=SHARE|auto`, `exact=SHARE|auto`, `by=residual|selector|both|attention|auto`, `metric=euclidean|queries|auto`, `values` or `keys`
 * (whether values are part of the distance), `weights=counts|spread|auto`, `iterations=COUNT` and `segments=COUNT`, with commas between
 * them; see {@link ClustersOptions}.
 *
 * @throws RangeError for a name or a setting that does not exist.
 *
 * @example
 * ```ts
 * import { parseTail } from 'levattention';
 *
 * parseTail('clusters:exact=0.25,metric=queries,values').name; // => 'clusters:exact=0.25,metric=queries,values'
 * ```
 */
export function parseTail(text: string): Tail {
  const [name, ...rest] = text.split(':');
  const settings = rest.length > 0 ? rest.join(':').split(',') : [];
  if (name === 'clusters') return clusters(clustersOptions(text, settings.map(settingOf)), text);
  if (name === 'sample') {
    const [setting = 'exact=0.5', ...others] = settings;
    const share = /^exact=/.test(setting) && others.length === 0 ? shareOf(setting.slice(6)) : undefined;
    return sample(share ?? refuse(text, `sample takes exact=SHARE, ${shares}`), text);
  }
  const plain = [drop, mean, moments].find((tail) => tail.name === name);
  if (!plain || settings.length > 0)
    refuse(
      text,
      `the tail must be one of ${tailNames.join(', ')}, the last and sample with settings after a colon`,
    );
  return plain;
}

/** The settings that say what options do, save `values`, which is a word. */
const settingNames = {
  window: 'window',
  exactShare: 'exact',
  exactBy: 'by',
  metric: 'metric',
  values: 'values',
  weights: 'weights',
  iterations: 'iterations',
  segments: 'segments',
} as const satisfies Record<keyof ClustersOptions, string>;

/** Options of `clusters` as settings, so that what is wrong is refused as it is in a name. */
function settingsOf(where: string, options: Record<string, unknown>): Setting[] {
  const names = Object.keys(settingNames) as (keyof ClustersOptions)[];
  const unknown = Object.keys(options).find((name) => !names.some((known) => known === name));
  if (unknown !== undefined)
    throw new TypeError(`${where}: tail must have options of ${names.join(', ')}, got '${unknown}'`);
  const { values } = options;
  if (values !== undefined && typeof values !== 'boolean')
    throw new TypeError(`${where}: values of tail must be true or false, got ${String(values)}`);
  return names
    .filter((name) => options[name] !== undefined)
    .map((name) =>
      name === 'values' ? [values ? 'values' : 'keys'] : [settingNames[name], String(options[name])],
    );
}

/** The tail that an option names or is. */
export function tailOf(where: string, tail: unknown): Tail {
  if (typeof tail === 'string') return parseTail(tail);
  const given = (tail ?? {}) as Partial<Tail> & { kind?: unknown };
  if (typeof given.group === 'function') {
    if (typeof given.name === 'string') return tail as Tail;
    throw new TypeError(`${where}: tail must have a name, got ${String(given.name)}`);
  }
  const { kind, ...options } = given;
  if (kind !== 'clusters')
    throw new TypeError(
      `${where}: tail must be one of ${tailNames.join(', ')}, or { kind: 'clusters' }, got ${String(kind ?? tail)}`,
    );
  const settings = settingsOf(where, options);
  const said = settings.map((setting) => setting.join('=')).join(',');
  const text = said ? `clusters:${said}` : 'clusters';
  return clusters(clustersOptions(text, settings), text);
}
