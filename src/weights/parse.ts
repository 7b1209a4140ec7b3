/** Weight functions by name, as the command line writes them: 'power:2', 'huber:1.5'. */
import { cauchy } from './cauchy.js';
import { gemanMcClure } from './geman-mcclure.js';
import { huber } from './huber.js';
import { l1l2 } from './l1l2.js';
import { power } from './power.js';
import { tukey } from './tukey.js';
import type { WeightFunction } from './weight.js';
import { welsch } from './welsch.js';

const makers: Readonly<Record<string, (parameter: number) => WeightFunction>> = {
  power,
  huber,
  tukey,
  cauchy,
  welsch,
  gemanMcClure,
  l1l2,
};

/** The names that {@link parseWeight} knows. */
export const weightNames: readonly string[] = /* @__PURE__ */ Object.keys(makers);

/**
 * The weight function of a text `name:parameter`; the parameter is p of `power` and the scale of all others.
 *
 * @throws RangeError for an unknown name or a parameter that is not a positive number.
 *
 * @example
 * ```ts
 * import { parseWeight } from 'levattention';
 *
 * parseWeight('huber:2').value(2); // => 0.5
 * ```
 */
export function parseWeight(text: string): WeightFunction {
  const [, name, parameter] = /^([^:]*):?(.*)$/s.exec(text) ?? [];
  if (!weightNames.includes(name))
    throw new RangeError(
      `parseWeight: f must be one of ${weightNames.join(', ')} with a parameter, e.g. huber:1.5, got '${text}'`,
    );
  if (!/^\d+(\.\d*)?(e[+-]?\d+)?$|^\.\d+(e[+-]?\d+)?$/i.test(parameter))
    throw new RangeError(
      `parseWeight: ${name} needs a positive number after the colon, e.g. ${name}:1.5, got '${text}'`,
    );
  return makers[name](Number(parameter));
}
