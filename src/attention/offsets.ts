/** What masks and log-weights add to the logarithms of weights, and masks that are log-weights of the keys. */
import { groupLogWeights, placeOfGroup } from './groups.js';
import type { AttentionInputs } from './inputs.js';
import { addedBy, addMaskRow } from './masks.js';

/**
 * What gives, for a query of a group, what mask and log-weights add to the logarithms of the weights of all keys [n]; -Infinity hides a key.
 * Nothing is said of the causal mask. The array is the same for all queries: it is written anew when another one is asked for.
 */
export function offsetsOf(inputs: AttentionInputs, index: number): (i: number) => Float64Array {
  const { attnMask, m, n, group } = inputs;
  const logWeights = groupLogWeights(inputs, index);
  const { batch, head } = placeOfGroup(inputs, index);
  const row = new Float64Array(n);
  let known = -1;
  return (i) => {
    if (i === known || (known >= 0 && !attnMask)) return row;
    known = i;
    if (logWeights) row.set(logWeights);
    else row.fill(0);
    if (attnMask) addMaskRow(attnMask, batch, head * group + Math.floor(i / m), i % m, row);
    return row;
  };
}

/** The same for single keys: of key j for query i. */
export function offsetAt(inputs: AttentionInputs, index: number): (i: number, j: number) => number {
  const { attnMask, m, group } = inputs;
  const logWeights = groupLogWeights(inputs, index);
  const { batch, head } = placeOfGroup(inputs, index);
  return (i, j) => {
    const ofKey = logWeights ? logWeights[j] : 0;
    if (!attnMask) return ofKey;
    return ofKey + addedBy(attnMask, batch, head * group + Math.floor(i / m), i % m, j);
  };
}

/** The queries of a group, the last one first, that have a row of their own in the mask. */
export function* maskRows({ attnMask, group, m }: AttentionInputs): Generator<number> {
  const [, heads, queries] = attnMask?.strides ?? [0, 0, 0];
  const first = heads === 0 ? (group - 1) * m : 0;
  for (let i = group * m - 1; i >= first; i -= queries === 0 ? m : 1) yield i;
}

/** Where the mask of a key head begins. */
export function maskStart({ attnMask, keyHeads, group }: AttentionInputs, index: number): number {
  const [batches = 0, heads = 0] = attnMask?.strides ?? [];
  return Math.floor(index / keyHeads) * batches + (index % keyHeads) * group * heads;
}

/**
 * The inputs with their mask as log-weights of the keys; undefined where it is not the same for all queries that read a key head. O(n) for each
 * row of the mask.
 */
export function maskAsLogWeights(inputs: AttentionInputs): AttentionInputs | undefined {
  const { attnMask, batches, keyHeads, n } = inputs;
  if (!attnMask) return inputs;
  const data = new Float64Array(batches * keyHeads * n);
  // Heads may share a mask.
  const alike = new Set<number>();
  for (let index = 0; index < batches * keyHeads; index++) {
    const source = maskStart(inputs, index);
    if (!alike.has(source) && !isAlike(inputs, index)) return undefined;
    alike.add(source);
    data.set(offsetsOf(inputs, index)(0), index * n);
  }
  return { ...inputs, attnMask: undefined, logWeights: { data, strides: [keyHeads * n, n, 1] } };
}

function isAlike(inputs: AttentionInputs, index: number): boolean {
  const offsets = offsetsOf({ ...inputs, logWeights: undefined }, index);
  const first = offsets(0).slice();
  for (const i of maskRows(inputs)) {
    const row = offsets(i);
    for (let j = 0; j < first.length; j++) if (row[j] !== first[j]) return false;
  }
  return true;
}
