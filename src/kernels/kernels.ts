/** The interface of the numerical kernels: blocks of rows in; Grams, row scores, quadratic forms and attention out. */
import type { Floats } from '../keys.js';

/**
 * Rows of a canonical block. Every computation cuts a matrix at multiples of this number, whatever chunks the
 * caller has, so that each mode adds the same numbers in the same order and gives the same bytes.
 */
export const BLOCK_ROWS = 1024;

/** Rows that a kernel adds up one after the other before it flushes into the block's sum. */
export const FLUSH_ROWS = 64;

/** Rows that a Gram in float32 adds up one after the other; such sums are added up to FLUSH_ROWS rows in float32 too. */
export const SINGLE_ROWS = 16;

/** What is done to each block of a matrix with d columns; a stage that is left out is the identity. */
export interface BlockPlan {
  readonly d: number;
  /** [d]: entry (i, c) is multiplied by columnScale[c]. Powers of two, so that nothing is rounded. */
  readonly columnScale?: Float64Array;
  /** [d, width] row-major: the scaled row k becomes k T, of `width` entries. */
  readonly transform?: Float64Array;
  /** Columns after the transform; d without one. */
  readonly width?: number;
  /**
   * W, [width, width] row-major and lower triangular (entries above the diagonal are not read): `scores`
   * gives |W x|^2.
   */
  readonly factor?: Float64Array;
  /** Of rows that are neither scaled nor transformed: `gram` in float32, but for sums over more than FLUSH_ROWS rows. */
  readonly single?: boolean;
}

/**
 * Works through a matrix block by block, all in float64. X is the block of rows.length / d rows after scaling, row i by
 * rowScale[i], and transform, [count, width]; rows of scale 0 are zero, whatever columns are scaled by.
 */
export interface BlockKernel {
  /**
   * out = X^T X, [width, width] row-major, both triangles. Sums run over FLUSH_ROWS rows one after the other,
   * and these sums one after the other, so no entry has been through more than FLUSH_ROWS + BLOCK_ROWS /
   * FLUSH_ROWS additions. Where the plan says `single`, entries, products,
   * sums over SINGLE_ROWS rows and the sums of these over FLUSH_ROWS rows are rounded to float32.
   */
  gram(rows: Floats, out: Float64Array, rowScale?: Float64Array): void;
  /** out[i] = |W x_i|^2 for each row. The dot products have at most `width` additions each. */
  scores(rows: Floats, out: Float64Array, rowScale?: Float64Array): void;
}

/**
 * Leverage scores of one matrix after the other, each of at most BLOCK_ROWS rows and no fewer than its columns, in three steps. X is the matrix
 * [n, width], with a column of ones after its own where it is `centred`; all in float64, with the sums of a {@link BlockKernel}.
 */
export interface LeverageKernel {
  /** G = X^T X, for the steps that follow; its diagonal [width]. What the steps return is valid until the next call. */
  gram(rows: Floats, d: number, centred: boolean): Float64Array;
  /**
   * W = L^-1 from scale G scale = L L^T with scale [width] powers of two; | |W| roots |, `roots` being those of the diagonal of
   * scale G scale, or NaN where a pivot falls to `floor` or below.
   */
  factor(scale: Float64Array, roots: Float64Array, floor: number): number;
  /** [n]: |W scale x_i|^2 of each row. */
  scores(): Float64Array;
}

/** A quadratic form of the rows of a matrix: shift |y|^2 + |P y|^2 - |M y|^2 of the scaled row y_c = scale_c x_c. */
export interface QuadraticPlan {
  readonly d: number;
  /** [d]; for float32 rows its entries are taken as float32. */
  readonly scale: Float64Array;
  readonly shift: number;
  /** P and M, [rows, d] row-major each; where P is triangular, the zeros are neither stored nor multiplied. */
  readonly plus: Float32Array;
  readonly minus: Float32Array;
}

/** Computes a quadratic form in float32. */
export interface QuadraticKernel {
  /**
   * out[i] = the form of row i, of any number of rows. Each entry of y is rounded once; each product once, each sum of products at
   * most d times; each of the shift's term and the squares once, and each sum of those at most rows(P) + rows(M) + 1 times. NaN
   * and infinity in, or overflow on the way, give NaN or an infinity.
   */
  values(rows: Floats, out: Float32Array): void;
}

/**
 * Attention of one head: weights w_ij = f(<q_i,k_j>) exp(logWeights_j + mask_ij), softmax or power, with keys visible in order.
 */
export interface AttendCall {
  /** Queries [m, d], keys [n, d], values [n, dv], result [m, dv]; row-major. */
  readonly q: Floats;
  readonly k: Floats;
  readonly v: Floats;
  readonly out: Floats;
  readonly m: number;
  readonly n: number;
  readonly d: number;
  readonly dv: number;
  /** f(x) is exp(scale x), or |x|^power where a power is given. */
  readonly scale: number;
  readonly power?: number;
  /**
   * [m], query i sees keys 0 .. limits[i] - 1; all of them without it. A query that sees no key, or whose
   * weights are all zero, gives a zero row.
   */
  readonly limits?: Uint32Array;
  /** [n], finite or -Infinity, which hides a key. */
  readonly logWeights?: Floats;
  readonly mask?: AttendMask;
  /** [m], written: log sum_j w_ij, -Infinity where that sum is zero. */
  readonly logSums?: Float64Array;
  /** [m, 2], written: the largest score of a query and the sum of its weights relative to that, as the backward pass of these kernels reads them. */
  readonly normalisers?: Float64Array;
}

/** What is added to the logarithms of weights: the entry for query i and key j is data[i * stride + j * step]. */
export interface AttendMask {
  /** Added, finite or -Infinity; or with Uint8Array 0 for hidden keys and anything else for visible ones. */
  readonly data: Floats | Uint8Array;
  readonly stride: number;
  readonly step: number;
}

/** out_i = sum_j w_ij v_j / sum_j w_ij over the visible keys j. */
export type Attend = (call: AttendCall) => void;

/** Points and the centres that they are compared with, row-major; entries are so small that no sum of squares overflows. */
export interface NearestCall {
  /** [n, d]. */
  readonly points: Float32Array;
  /** [count, d], count > 0. */
  readonly centres: Float32Array;
  readonly d: number;
  /** [n]. */
  readonly out: Int32Array;
  /** [n], written: |x_i - c|^2 of each point and its centre. */
  readonly distances?: Float64Array;
  /** [count, d], added to: the points of each centre, times their weights. */
  readonly sums?: Float64Array;
  /** [n]: of the points in the sums; all 1 unless given. */
  readonly weights?: Float64Array;
}

/**
 * out[i] = the centre c with the largest <x_i,c> - |c|^2 / 2, that is the nearest one; of equal ones that with the lower number. Near
 * ties are decided by rounding.
 */
export type Nearest = (call: NearestCall) => void;

/** Rows that are multiplied by a matrix, row-major; in float32 where all arrays are, else in float64. */
export interface ProductsCall {
  /** [n, d]. */
  readonly rows: Floats;
  /** [d, width]. */
  readonly matrix: Floats;
  readonly d: number;
  /** [n, width], written. */
  readonly out: Floats;
}

/** out = rows matrix. */
export type Products = (call: ProductsCall) => void;

/** How far rows spread. */
export interface Spread {
  /** [d]. */
  readonly mean: Float64Array;
  /** The root of the mean of |x - mean|^2. */
  readonly deviation: number;
}

/** The spread of rows [n, d], each counting as much as its share [n] says; the shares add up to 1 and are all the same unless given. */
export type SpreadOf = (rows: Floats, d: number, shares?: Float64Array) => Spread;

/** Rows that are added up in groups. */
export interface SumsCall {
  /** [n, d]. */
  readonly rows: Floats;
  readonly d: number;
  /** [n]: the group of each row, -1 for none. */
  readonly members: Int32Array;
  /** [n]. */
  readonly weights: Float64Array;
  readonly groups: number;
}

/** [groups, d]: the sums of the rows of each group, times their weights. */
export type SumsOf = (call: SumsCall) => Float64Array;

/** Points and the centre that each belongs to. */
export interface DistancesCall {
  /** [n, width], of which the first d columns count. */
  readonly points: Float32Array;
  readonly width: number;
  readonly d: number;
  /** [count, width]. */
  readonly centres: Float32Array;
  /** [n]: the centre of each point, -1 for none. */
  readonly members: Int32Array;
}

/** [n]: |x - c|^2 of each point and its centre, zero where it has none. */
export type DistancesOf = (call: DistancesCall) => Float64Array;

/** Columns of points: (x - mean) factor of each row x, times a matrix where there is one. */
export interface PointColumns {
  /** [n, d]. */
  readonly rows: Floats;
  readonly d: number;
  readonly mean: Float64Array;
  readonly factor: number;
  /** [d, d]. */
  readonly matrix?: Float32Array;
}

/** Writes points [n, width], one group of columns beside the other; width is the sum of theirs. */
export type MakePoints = (groups: readonly PointColumns[], out: Float32Array) => void;

/** The gradients of a sum over outputs and log sums of an {@link AttendCall}, from those of the outputs. */
export interface AttendBackwardCall extends Omit<AttendCall, 'logSums'> {
  /** What the forward pass of the same kernels wrote. */
  readonly normalisers: Float64Array;
  /** Gradients of the outputs [m, dv], and of the logarithms of the sums of weights [m], zero unless given. */
  readonly dOut: Floats;
  readonly dLogSums?: Float64Array;
  /** [m, d], written. */
  readonly dQ: Floats;
  /** [n, d], [n, dv] and [n]: added to. */
  readonly dK: Float64Array;
  readonly dV: Float64Array;
  readonly dLogWeights?: Float64Array;
}

/**
 * With P_ij = w_ij / sum_j w_ij and dS_ij = P_ij (<dOut_i, v_j> - <dOut_i, out_i> + dLogSums_i): dV_j += sum_i P_ij dOut_i,
 * dLogWeights_j += sum_i dS_ij, dQ_i = sum_j dS_ij g_ij k_j and dK_j += sum_i dS_ij g_ij q_i, where g_ij is the derivative of
 * log f at <q_i,k_j>: the scale, or power / <q_i,k_j>, taken for zero where <q_i,k_j> is.
 */
export type AttendBackward = (call: AttendBackwardCall) => void;

/** One implementation of the kernels for rows; attention and clusters have modules of their own. */
export interface Kernels {
  readonly name: 'wasm-simd' | 'reference';
  blocks(plan: BlockPlan): BlockKernel;
  quadratic(plan: QuadraticPlan): QuadraticKernel;
}
