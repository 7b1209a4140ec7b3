/** The inputs of attention, queries, keys and values of many heads with their options, and the checks of them. */
import type { Attend } from '../kernels/kernels.js';
import { kernels } from '../kernels/load.js';
import { referenceAttend } from '../kernels/reference-attend.js';
import { wasmAttend } from '../kernels/wasm-attend.js';
import { checkOptionsObject, type Floats, floatsOf, shapeOf, type Tensor } from '../keys.js';
import type { CallOptions } from '../steps.js';
import type { WeightFunction } from '../weights/weight.js';
import { type AttentionMask, checkLogWeights, checkMask, type KeyLogWeights } from './masks.js';

/** Options of every attention. */
export interface AttentionOptions extends CallOptions {
  /** 'softmax' (default), or |<q,k>|^p: the number p > 0 or `power(p)`. */
  readonly weights?: 'softmax' | number | WeightFunction;
  /** Softmax weights are exp(scale <q,k>); 1/sqrt(d) by default. */
  readonly scale?: number;
  /** 'none' (default), or 'causal': query i of m sees the keys j <= i + n - m, so that the queries are the last m positions. */
  readonly mask?: 'none' | 'causal';
  /**
   * Of a shape that broadcasts to [batch, query heads, m, n], or to [m, n] for two-dimensional input: added to the logarithms of the
   * weights, where -Infinity hides a key from a query; or a Uint8Array, whose zeros hide. Together with 'causal' both hide.
   */
  readonly attnMask?: Tensor;
  /**
   * Of a shape that broadcasts to [batch, key heads, n], or to [n] for two-dimensional input: added to the logarithms of the weights of each key,
   * so that a key of log-weight log(c) counts as c equal keys do; -Infinity hides it.
   */
  readonly logWeights?: Tensor;
}

/** Checked inputs. Query head h reads key head floor(h / group), so the queries of a group lie in one piece. */
export interface AttentionInputs {
  readonly q: Floats;
  readonly k: Floats;
  readonly v: Floats;
  /** Whether the tensors were two-dimensional. */
  readonly flat: boolean;
  readonly batches: number;
  readonly queryHeads: number;
  readonly keyHeads: number;
  readonly group: number;
  /** Queries of a head, keys of a head, their columns, and the columns of the values. */
  readonly m: number;
  readonly n: number;
  readonly d: number;
  readonly dv: number;
  readonly causal: boolean;
  readonly attnMask?: AttentionMask;
  readonly logWeights?: KeyLogWeights;
  readonly scale: number;
  readonly power?: number;
  /** Whether q, k and v all are float32, and the result too. */
  readonly single: boolean;
  /** Those in use, or the float64 reference where sums of values could overflow float32. */
  readonly attend: Attend;
}

/** Weighted sums of values below this do not overflow float32. */
const FLOAT32_MOST = 2 ** 120;

/** Checks tensors and options, of which the caller has `more`; throws one line that begins with its name. */
export function attentionInputs(
  where: string,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions,
  more: readonly string[] = [],
): AttentionInputs {
  const known = ['weights', 'scale', 'mask', 'attnMask', 'logWeights', ...more];
  checkOptionsObject(options as Record<string, unknown>, where, "{ mask: 'causal' }", known);
  const { weights = 'softmax', scale, mask = 'none', attnMask, logWeights } = options;
  const power = powerOf(where, weights);
  if (scale !== undefined && power !== undefined)
    throw new TypeError(`${where}: scale belongs to softmax, weights |x|^${power} have none, got ${scale}`);
  if (scale !== undefined && !(typeof scale === 'number' && scale > 0 && scale < Number.POSITIVE_INFINITY))
    throw new RangeError(`${where}: scale must be a positive number, got ${scale}`);
  if (mask !== 'none' && mask !== 'causal')
    throw new RangeError(`${where}: mask must be 'none' or 'causal', got ${String(mask)}`);
  const causal = mask === 'causal';
  const shapes = checkShapes(where, q, k, v, causal);
  const { flat, batches, queryHeads, keyHeads, m, n } = shapes;
  const factor = scale ?? 1 / Math.sqrt(shapes.d);
  const sum = checkEntries(where, [q, k, v], shapes, factor);
  return {
    ...shapes,
    q: floatsOf(q),
    k: floatsOf(k),
    v: floatsOf(v),
    causal,
    attnMask:
      attnMask === undefined
        ? undefined
        : checkMask(where, attnMask, flat ? [m, n] : [batches, queryHeads, m, n]),
    logWeights:
      logWeights === undefined
        ? undefined
        : checkLogWeights(where, logWeights, flat ? [n] : [batches, keyHeads, n]),
    scale: factor,
    power,
    single: [q, k, v].every(({ data }) => data instanceof Float32Array),
    attend: sum < FLOAT32_MOST && kernels().name === 'wasm-simd' ? wasmAttend : referenceAttend,
  };
}

function checkShapes(where: string, q: Tensor, k: Tensor, v: Tensor, causal: boolean) {
  const shapeQ = shapeOf(q, `${where}: q`);
  const shapeK = shapeOf(k, `${where}: k`);
  const shapeV = shapeOf(v, `${where}: v`);
  const check = (fits: boolean, rule: string) => {
    if (!fits) throw new RangeError(`${where}: ${rule}, got q [${shapeQ}], k [${shapeK}], v [${shapeV}]`);
  };
  const flat = shapeQ.length === 2;
  check(
    shapeK.length === shapeQ.length && shapeV.length === shapeQ.length,
    'q, k and v must have the same number of dimensions',
  );
  const [batches, queryHeads, m, d] = flat ? [1, 1, ...shapeQ] : shapeQ;
  const [batchesK, keyHeads, n, dK] = flat ? [1, 1, ...shapeK] : shapeK;
  const [batchesV, valueHeads, nV, dv] = flat ? [1, 1, ...shapeV] : shapeV;
  check(batchesK === batches && batchesV === batches, 'q, k and v must have the same batches');
  check(valueHeads === keyHeads, 'k and v must have the same heads');
  check(queryHeads % keyHeads === 0, 'the heads of q must be a multiple of the heads of k');
  check(dK === d, 'q and k must have the same columns');
  check(nV === n, 'k and v must have the same rows');
  check(!causal || m <= n, 'a causal mask needs at least as many keys as queries');
  return { flat, batches, queryHeads, keyHeads, group: queryHeads / keyHeads, m, n, d, dv };
}

/** Refuses entries that are not finite, and dot products or sums beyond float64; returns the largest sum of values. */
function checkEntries(
  where: string,
  [q, k, v]: readonly Tensor[],
  { n, d }: { n: number; d: number },
  scale: number,
): number {
  const largestQ = largestEntry(`${where}: q`, q);
  const largestK = largestEntry(`${where}: k`, k);
  const largestV = largestEntry(`${where}: v`, v);
  const sum = n * largestV;
  if (!(d * largestQ * largestK * Math.max(1, scale) < Number.MAX_VALUE && sum < Number.MAX_VALUE))
    throw new RangeError(
      `${where}: entries too large for float64 sums, up to ${largestQ} in q, ${largestK} in k, ${largestV} in v`,
    );
  return sum;
}

/** Zeros of the result's type. */
export function floatsFor({ single }: AttentionInputs, size: number): Floats {
  return single ? new Float32Array(size) : new Float64Array(size);
}

/** The p of weights |x|^p, or undefined for softmax. */
function powerOf(where: string, weights: AttentionOptions['weights']): number | undefined {
  if (weights === 'softmax') return undefined;
  const named = typeof weights === 'object' && weights !== null;
  const p = named ? weights.power : weights;
  if (typeof p !== 'number')
    throw new TypeError(
      `${where}: weights must be 'softmax', a number p or power(p), got ${named ? weights.name : String(weights)}`,
    );
  if (!(p > 0 && p < Number.POSITIVE_INFINITY))
    throw new RangeError(`${where}: weights |x|^p need a positive number p, got ${p}`);
  return p;
}

/** The largest absolute value; throws at the first NaN or infinity. */
export function largestEntry(where: string, tensor: Tensor): number {
  const data = floatsOf(tensor);
  // Four maxima, so that none waits for another; a NaN stays in Math.max.
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = 0;
  for (; i + 3 < data.length; i += 4) {
    a = Math.max(a, Math.abs(data[i]));
    b = Math.max(b, Math.abs(data[i + 1]));
    c = Math.max(c, Math.abs(data[i + 2]));
    d = Math.max(d, Math.abs(data[i + 3]));
  }
  for (; i < data.length; i++) a = Math.max(a, Math.abs(data[i]));
  const largest = Math.max(a, b, c, d);
  if (Number.isFinite(largest)) return largest;
  const at = data.findIndex((x) => !Number.isFinite(x));
  throw new RangeError(`${where} must be finite, got ${place(tensor, at)}`);
}

/** 'NaN at batch 0, head 1, row 3, column 2'. */
function place({ data, shape, dims }: Tensor, at: number): string {
  const sizes = Array.from(shape ?? dims ?? []);
  const names = ['batch', 'head', 'row', 'column'].slice(-sizes.length);
  let rest = at;
  const parts: string[] = [];
  for (let i = sizes.length - 1; i >= 0; i--) {
    parts.unshift(`${names[i]} ${rest % sizes[i]}`);
    rest = Math.floor(rest / sizes[i]);
  }
  return `${data[at]} at ${parts.join(', ')}`;
}
