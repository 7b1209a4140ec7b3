/** The interface of tails: what stands in for the keys that a head does not keep as they are. */
import type { Attend } from '../../kernels/kernels.js';
import type { Floats } from '../../keys.js';
import type { Random } from '../../random.js';
import type { Steps } from '../../steps.js';
import type { Grouping } from './stored-pairs.js';

/** One key head, without the keys that no query sees, and the queries that read it. */
export interface TailHead {
  /** [n, d] and [n, dv]. */
  readonly k: Floats;
  readonly v: Floats;
  readonly n: number;
  readonly d: number;
  readonly dv: number;
  /** [group * m, d], the m queries of each query head, one head after the other. */
  readonly q: Floats;
  readonly m: number;
  /** Whether queries see only the first keys. */
  readonly causal: boolean;
  /** [m], if causal: how many of the keys each query sees. */
  readonly limits?: Uint32Array;
  /** [n], what is added to the logarithms of the weights of the keys, all of it finite; nothing unless given. */
  readonly logWeights?: Floats;
  /** The attention weights are exp(scale <q,k>), or |<q,k>|^power where a power is given. */
  readonly scale: number;
  readonly power?: number;
  readonly attend: Attend;
  /** The keys that the selector and `always` keep, `count` in all, ascending. */
  choose(count: number): Steps<readonly number[]>;
  /** Indices that are kept as they are, ascending. */
  readonly always: readonly number[];
  /** Draws of this head alone. */
  readonly random: Random;
}

/** A way to account for the keys that are not kept. */
export interface Tail {
  /** How options and results call it, e.g. 'clusters:exact=0.25'. */
  readonly name: string;
  /** Whether it may stand beside a mask that differs between queries: no pair stands for several keys. */
  readonly single: boolean;
  /** Whether it is for softmax weights alone. */
  readonly softmaxOnly?: boolean;
  /** Which keys are stored together, in at most `count` pairs; 0 < count < n. */
  group(head: TailHead, count: number): Steps<Grouping>;
}
