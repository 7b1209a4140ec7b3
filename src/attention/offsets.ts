/** What masks and log-weights add to the logarithms of weights, and masks that are log-weights of the keys. */
import { groupLogWeights, placeOfGroup } from './groups.js';
import type { AttentionInputs } from './inputs.js';
import { addedBy } from './masks.js';

/**
 * What mask and log-weights add to the logarithm of the weight of key j for query i of a group; -Infinity hides it. Nothing is said of the
 * causal mask.
 */
export function offsetsOf(inputs: AttentionInputs, index: number): (i: number, j: number) => number {
  const { attnMask, m, group } = inputs;
  const logWeights = groupLogWeights(inputs, index);
  const { batch, head } = placeOfGroup(inputs, index);
  return (i, j) => {
    const ofKey = logWeights ? logWeights[j] : 0;
    if (!attnMask) return ofKey;
    return ofKey + addedBy(attnMask, batch, head * group + Math.floor(i / m), i % m, j);
  };
}

/** The inputs with their mask as log-weights of the keys; undefined where it is not the same for all queries that read a key head. */
export function maskAsLogWeights(inputs: AttentionInputs): AttentionInputs | undefined {
  const { attnMask, batches, keyHeads, group, m, n } = inputs;
  if (!attnMask) return inputs;
  const [, heads, queries] = attnMask.strides;
  const data = new Float64Array(batches * keyHeads * n);
  for (let index = 0; index < batches * keyHeads; index++) {
    const offset = offsetsOf(inputs, index);
    const row = data.subarray(index * n, (index + 1) * n);
    for (let j = 0; j < n; j++) row[j] = offset(0, j);
    const end = heads === 0 ? m : group * m;
    for (let i = 0; i < end; i += queries === 0 ? m : 1)
      for (let j = 0; j < n; j++) if (offset(i, j) !== row[j]) return undefined;
  }
  return { ...inputs, attnMask: undefined, logWeights: { data, strides: [keyHeads * n, n, 1] } };
}
