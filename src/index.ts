/** levattention: the few keys that can ever matter in attention. The public surface, nothing else. */
export {
  compareAttention,
  compareAttentionAsync,
  compareAttentionSteps,
  type HeadComparison,
} from './attention/compare.js';
export {
  exactAttention,
  exactAttentionAsync,
  exactAttentionSteps,
  type OutputTensor,
} from './attention/exact.js';
export {
  type ExactAttentionVjp,
  exactAttentionVjp,
  exactAttentionVjpAsync,
  exactAttentionVjpSteps,
} from './attention/exact-vjp.js';
export type { AttentionGradients } from './attention/gradients.js';
export {
  type HeavyScores,
  type HeavyScoresOptions,
  heavyScores,
  heavyScoresAsync,
  heavyScoresSteps,
  type ScoreIntervals,
} from './attention/heavy-scores.js';
export type { AttentionOptions } from './attention/inputs.js';
export {
  type LevAttentionOptions,
  type LevAttentionResult,
  levAttention,
  levAttentionAsync,
  levAttentionSteps,
  type SelectedKeys,
} from './attention/lev-attention.js';
export {
  type LevAttentionVjp,
  levAttentionVjp,
  levAttentionVjpAsync,
  levAttentionVjpSteps,
} from './attention/lev-vjp.js';
export { parseSelector, selectorNames } from './attention/selectors/index.js';
export type { Selector, SelectorContext } from './attention/selectors/selector.js';
export type { StoredKeys } from './attention/storage.js';
export type { ClustersOptions } from './attention/tail/cluster-plans.js';
export type { Moments } from './attention/tail/gaussian.js';
export { parseTail, tailNames } from './attention/tail/index.js';
export type { Grouping } from './attention/tail/stored-pairs.js';
export type { Tail, TailHead } from './attention/tail/tail.js';
export type { Attend, AttendCall, AttendMask } from './kernels/kernels.js';
export { runAsync } from './kernels/run-async.js';
export type {
  ByHead,
  Floats,
  FloatTensor,
  HeadOf,
  KeyMatrix,
  Keys,
  PerHead,
  ResultFor,
  Shaped,
  Tensor,
} from './keys.js';
export { type Random, randomStream, sampleWithoutReplacement } from './random.js';
export {
  type LpCoreset,
  type LpCoresetOptions,
  lpCoreset,
  lpCoresetAsync,
  lpCoresetSteps,
} from './scores/coreset.js';
export {
  type LeverageOptions,
  type LeverageScores,
  leverageScores,
  leverageScoresAsync,
  leverageScoresSteps,
} from './scores/leverage.js';
export {
  type LewisOptions,
  type LewisWeights,
  lewisWeights,
  lewisWeightsAsync,
  lewisWeightsSteps,
} from './scores/lewis.js';
export {
  type Sensitivities,
  type SensitivityOptions,
  sensitivities,
  sensitivitiesAsync,
  sensitivitiesSteps,
} from './scores/sensitivity.js';
export { type CallOptions, type Progress, run, type Steps } from './steps.js';
export {
  type KeyLifetimes,
  type KeyLifetimesOptions,
  keyLifetimes,
  keyLifetimesAsync,
  keyLifetimesSteps,
} from './universal-set/causal.js';
export { type KeyArrival, OnlineKeys, type OnlineKeysOptions } from './universal-set/online-keys.js';
export type { UniversalSet } from './universal-set/result.js';
export type { HeavyRows } from './universal-set/second-pass.js';
export { UniversalSetSketch } from './universal-set/sketch.js';
export type { SketchOptions } from './universal-set/sketch-options.js';
export {
  type UniversalSetOptions,
  universalSet,
  universalSetAsync,
  universalSetSteps,
} from './universal-set/universal-set.js';
export { cauchy } from './weights/cauchy.js';
export { gemanMcClure } from './weights/geman-mcclure.js';
export { huber } from './weights/huber.js';
export { l1l2 } from './weights/l1l2.js';
export { parseWeight, weightNames } from './weights/parse.js';
export { power } from './weights/power.js';
export { tukey } from './weights/tukey.js';
export { checkWeight, type WeightFunction } from './weights/weight.js';
export { welsch } from './weights/welsch.js';
