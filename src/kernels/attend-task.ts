/** Calls of the kernels for attention, told by plain data: the same on this thread and on a worker. */
import type { Floats } from '../keys.js';
import type { AttendBackwardCall, AttendCall } from './kernels.js';
import { referenceAttend, referenceBackward } from './reference-attend.js';
import { wasmAttend } from './wasm-attend.js';
import { wasmBackward } from './wasm-backward.js';

/** Which results a call gives, and how. */
interface Manner {
  /** Whether the results are float32. */
  readonly single: boolean;
  /** Whether the float64 reference computes them, whatever the arrays are. */
  readonly reference: boolean;
}

/** What each kind of call is told. */
export interface AttendPlans {
  attend: Manner &
    Omit<AttendCall, 'out' | 'logSums' | 'normalisers'> & { readonly asks: readonly AttendSums[] };
  backward: Manner &
    Omit<AttendBackwardCall, 'dQ' | 'dK' | 'dV' | 'dLogWeights'> & { readonly asksLogWeights: boolean };
}

/** What an {@link AttendCall} gives beside its outputs. */
export type AttendSums = 'logSums' | 'normalisers';

/** What each kind of call gives. */
export interface AttendParts {
  attend: { readonly out: Floats } & Partial<Record<AttendSums, Float64Array>>;
  backward: {
    readonly dQ: Floats;
    readonly dK: Float64Array;
    readonly dV: Float64Array;
    readonly dLogWeights?: Float64Array;
  };
}

export type AttendKind = keyof AttendParts;

/** Makes a call of either kind; what it gives goes to new arrays, or to those given. */
export const performAttend: {
  readonly [K in AttendKind]: (plan: AttendPlans[K], into?: AttendParts[K]) => AttendParts[K];
} = {
  attend({ single, reference, asks, ...call }, into) {
    const { m, dv } = call;
    const part = into ?? {
      out: single ? new Float32Array(m * dv) : new Float64Array(m * dv),
      logSums: asks.includes('logSums') ? new Float64Array(m) : undefined,
      normalisers: asks.includes('normalisers') ? new Float64Array(2 * m) : undefined,
    };
    (reference ? referenceAttend : wasmAttend)({ ...call, ...part });
    return part;
  },
  backward({ single, reference, asksLogWeights, ...call }, into) {
    const { m, n, d, dv } = call;
    const part = into ?? {
      dQ: single ? new Float32Array(m * d) : new Float64Array(m * d),
      dK: new Float64Array(n * d),
      dV: new Float64Array(n * dv),
      dLogWeights: asksLogWeights ? new Float64Array(n) : undefined,
    };
    (reference ? referenceBackward : wasmBackward)({ ...call, ...part });
    return part;
  },
};
