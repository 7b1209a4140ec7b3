/**
 * Gradients of attention for blocks of queries over tiles of keys, in float32: weights and their gradients are formed again for each
 * tile, used and forgotten.
 *
 * With weights P normalised, dP = dO V^T and delta the dot products of the rows of dO and O,
 *
 *     dS = P (dP - delta)     dQ += dS' K     dK += dS'^T Q     dV += P^T dO
 *
 * where dS' is dS itself for softmax, whose scale is left to the caller, and p dS / <q,k> for power weights. Scores are float64 for
 * the groups of queries for which they are in attend.ts.
 *
 * A block has up to eight groups of eight queries. Products over keys have queries as lanes, as in attend.ts; products over the
 * queries of a block take weights and their gradients transposed, as panels of four keys, each [BLOCK, 4].
 */
import { exp2, weighWide } from './exponents';
import { packKeys, packLanes, packValues, TILE, unpackLanes } from './packing';
import { isWide } from './records';
import { addOffsets, addWideOffsets, allHidden, DEPTH, promote, scoreTile, scoreWideTile } from './scores';
import { addProduct } from './tile';
import { storeTransposed } from './transpose';

export { TILE } from './packing';
export { largestNorm } from './records';

/** Queries of a block. */
export const BLOCK: i32 = 64;

/** Bytes of the lanes of a group, [TILE, 8]. */
const LANES: usize = 4096;

/** Offsets of what is kept of a group besides its lanes: the largest scores, the inverse totals, delta, limits, and whether it is wide. */
const LARGEST: usize = 64;
const INVERSE: usize = 96;
const DELTA: usize = 128;
const LIMITS: usize = 160;
const WIDE: usize = 192;
const STATE: usize = 208;

/** Bytes of `rows` rows of `width` numbers, of a multiple of `step` each. */
@inline
function bytesOf(rows: i32, width: i32, step: i32): usize {
  return (<usize>rows * ((width + step - 1) & -step)) << 2;
}

/** A tile: keys [d, 4] in panels, keys in panels of columns, values [dv, 4] in panels, and the gradients of keys, values and log-weights. */
@inline
function keyColumnsOf(tile: usize, d: i32): usize {
  return tile + bytesOf(TILE, d, 1);
}
@inline
function valuesOf(tile: usize, d: i32): usize {
  return keyColumnsOf(tile, d) + bytesOf(TILE, d, 4);
}

/** The gradients of a tile: keys in panels [4, 8] of four keys by eight columns, values likewise, log-weights [TILE, 4] to be added up. */
export function keyGradients(tile: usize, d: i32, dv: i32): usize {
  return valuesOf(tile, d) + bytesOf(TILE, dv, 1);
}
export function valueGradients(tile: usize, d: i32, dv: i32): usize {
  return keyGradients(tile, d, dv) + bytesOf(TILE, d, 8);
}
export function weightGradients(tile: usize, d: i32, dv: i32): usize {
  return valueGradients(tile, d, dv) + bytesOf(TILE, dv, 8);
}
export function tileBytes(d: i32, dv: i32): usize {
  return weightGradients(0, d, dv) + bytesOf(TILE, 4, 4);
}

/** Packs a tile of `count` keys and values, and sets its gradients to zero. */
export function packTile(keys: usize, values: usize, count: i32, d: i32, dv: i32, tile: usize): void {
  packKeys(keys, count, d, tile);
  packValues(keys, count, d, keyColumnsOf(tile, d));
  packKeys(values, count, dv, valuesOf(tile, d));
  const gradients = keyGradients(tile, d, dv);
  memory.fill(gradients, 0, tile + tileBytes(d, dv) - gradients);
}

/** A block: for each group queries and gradients of outputs in lanes, gradients of queries in lanes, and its state; then panels of eight columns. */
@inline
function groupBytes(d: i32, dv: i32): usize {
  return bytesOf(8, d, 4) + bytesOf(8, dv, 4) + bytesOf(8, d, 4) + STATE;
}
@inline
function groupOf(block: usize, g: i32, d: i32, dv: i32): usize {
  return block + <usize>g * groupBytes(d, dv);
}
@inline
function outLanesOf(group: usize, d: i32): usize {
  return group + bytesOf(8, d, 4);
}
@inline
function queryGradientsOf(group: usize, d: i32, dv: i32): usize {
  return outLanesOf(group, d) + bytesOf(8, dv, 4);
}
@inline
function stateOf(group: usize, d: i32, dv: i32): usize {
  return queryGradientsOf(group, d, dv) + bytesOf(8, d, 4);
}
@inline
function queryPanelsOf(block: usize, d: i32, dv: i32): usize {
  return groupOf(block, BLOCK / 8, d, dv);
}
@inline
function outPanelsOf(block: usize, d: i32, dv: i32): usize {
  return queryPanelsOf(block, d, dv) + bytesOf(BLOCK, d, 8);
}
export function blockBytes(d: i32, dv: i32): usize {
  return outPanelsOf(0, d, dv) + bytesOf(BLOCK, dv, 8);
}

/** Rows of `width` numbers as panels of eight columns, each [BLOCK, 8]. */
function packPanels(rows: usize, width: i32, target: usize): void {
  const stride = (<usize>width) << 2;
  for (let c: usize = 0; c < stride; c += 32) {
    let source = rows + c;
    for (let i = 0; i < BLOCK; i++) {
      v128.store(target, v128.load(source));
      v128.store(target, v128.load(source, 16), 16);
      source += stride;
      target += 32;
    }
  }
}

/**
 * The dot product of two rows, rounded as those of scoreTile are: where a query looks at one key alone, and its output is the value of that
 * key, the difference of dP and delta is exactly zero.
 */
function dot(a: usize, b: usize, count: i32): f32 {
  let sum: f32 = 0;
  for (let c = 0; c < count; c += DEPTH) {
    let piece: f32 = 0;
    for (let i = min(count - c, DEPTH); i > 0; i--) {
      piece += load<f32>(a) * load<f32>(b);
      a += 4;
      b += 4;
    }
    sum += piece;
  }
  return sum;
}

/**
 * Starts a block: queries [BLOCK, d], outputs and their gradients [BLOCK, dv], zero beyond `count` queries, with the largest scores
 * and totals, limits, and gradients of the logarithms of sums of each; `reach` as in attend.ts.
 */
export function begin(
  queries: usize,
  outs: usize,
  gradients: usize,
  normalisers: usize,
  limits: usize,
  logSums: usize,
  count: i32,
  d: i32,
  dv: i32,
  factor: f64,
  reach: f64,
  block: usize,
): void {
  packPanels(queries, d, queryPanelsOf(block, d, dv));
  packPanels(gradients, dv, outPanelsOf(block, d, dv));
  for (let i = 0; i < count; i += 8) {
    const group = groupOf(block, i >> 3, d, dv);
    const wide = isWide(queries, count - i, d, reach);
    packLanes(queries, d, wide ? copysign<f64>(1, factor) : factor, group);
    packLanes(gradients, dv, 1, outLanesOf(group, d));
    const state = stateOf(group, d, dv);
    memory.fill(queryGradientsOf(group, d, dv), 0, state + STATE - queryGradientsOf(group, d, dv));
    store<i32>(state, <i32>wide, WIDE);
    for (let lane: usize = 0; lane < 8 && i + <i32>lane < count; lane++) {
      const largest = load<f64>(normalisers);
      const total = load<f64>(normalisers, 8);
      const at = state + (lane << 2);
      store<f64>(state + (lane << 3), largest);
      store<f32>(at, <f32>(largest * abs(factor)), LARGEST);
      store<f32>(at, total > 0 ? <f32>(1 / total) : 0, INVERSE);
      const row = (lane * dv) << 2;
      store<f32>(at, dot(outs + row, gradients + row, dv) - <f32>load<f64>(logSums), DELTA);
      store<i32>(at, load<i32>(limits), LIMITS);
      normalisers += 16;
      limits += 4;
      logSums += 8;
    }
    queries += (<usize>d) << 5;
    outs += (<usize>dv) << 5;
    gradients += (<usize>dv) << 5;
  }
}

/** Weights of four queries from their scores [count, 8] in float32, in place. */
function weighLanes(scores: usize, first: i32, count: i32, state: usize): void {
  const limits = v128.load(state, LIMITS);
  const largest = v128.load(state, LARGEST);
  const factor = v128.load(state, INVERSE);
  const hidden = f32x4.splat(-Infinity);
  let key = i32x4.splat(first);
  for (const end = scores + ((<usize>count) << 5); scores < end; scores += 32) {
    const score = v128.bitselect(v128.load(scores), hidden, i32x4.lt_s(key, limits));
    v128.store(scores, f32x4.mul(exp2(f32x4.sub(score, largest)), factor));
    key = i32x4.add(key, i32x4.splat(1));
  }
}

/** The same from scores [count, 4] in float64 whose largest are at `wide`; the weights go to `weights`. */
function weighWideLanes(
  scores: usize,
  first: i32,
  count: i32,
  factor: f64,
  isPower: bool,
  wide: usize,
  state: usize,
  weights: usize,
): void {
  const limits = v128.load(state, LIMITS);
  const inverses = v128.load(state, INVERSE);
  const largest0 = v128.load(wide);
  const largest1 = v128.load(wide, 16);
  let key = i32x4.splat(first);
  for (const end = scores + ((<usize>count) << 5); scores < end; scores += 32) {
    let score0 = v128.load(scores);
    let score1 = v128.load(scores, 16);
    if (isPower) {
      score0 = f64x2.abs(score0);
      score1 = f64x2.abs(score1);
    }
    const weight = weighWide(score0, score1, largest0, largest1, factor, isPower);
    v128.store(weights, v128.and(f32x4.mul(weight, inverses), i32x4.lt_s(key, limits)));
    key = i32x4.add(key, i32x4.splat(1));
    weights += 32;
  }
}

/** factor / <q,k> of scores [count, 4] in float64, in float32, and zero of zero. */
function invertScores(scores: usize, count: i32, factor: f64, target: usize): void {
  for (const end = target + ((<usize>count) << 5); target < end; target += 32) {
    for (let lane: usize = 0; lane < 4; lane++) {
      const ratio = factor / load<f64>(scores + (lane << 3));
      store<f32>(target + (lane << 2), abs(ratio) <= <f64>f32.MAX_VALUE ? <f32>ratio : 0);
    }
    scores += 32;
  }
}

/** Bytes that `backwardTile` works in. */
export function workBytes(d: i32): usize {
  return 3 * LANES + 16 * LANES + ((<usize>TILE) << 5) + ((<usize>d) << 5) + ((<usize>TILE * d) << 3);
}

/** Turns the gradients [count, 8] of normalised weights into those of scores, and adds them up for each key. */
function gradeScores(weights: usize, gradients: usize, count: i32, state: usize, sums: usize): void {
  const delta0 = v128.load(state, DELTA);
  const delta1 = v128.load(state, DELTA + 16);
  for (const end = weights + ((<usize>count) << 5); weights < end; weights += 32) {
    const gradient0 = f32x4.mul(v128.load(weights), f32x4.sub(v128.load(gradients), delta0));
    const gradient1 = f32x4.mul(v128.load(weights, 16), f32x4.sub(v128.load(gradients, 16), delta1));
    v128.store(gradients, gradient0);
    v128.store(gradients, gradient1, 16);
    v128.store(sums, f32x4.add(v128.load(sums), f32x4.add(gradient0, gradient1)));
    gradients += 32;
    sums += 16;
  }
}

/** Multiplies [count, 8] by [count, 8]. */
function multiply(numbers: usize, factors: usize, count: i32): void {
  for (const end = numbers + ((<usize>count) << 5); numbers < end; numbers += 16) {
    v128.store(numbers, f32x4.mul(v128.load(numbers), v128.load(factors)));
    factors += 16;
  }
}

/** The lanes [count, 8] of group g as rows of its queries in panels of four keys. */
function transposeLanes(lanes: usize, count: i32, g: i32, panels: usize): void {
  panels += (<usize>g) << 7;
  for (let j = 0; j < count; j += 4) {
    for (let half: usize = 0; half < 32; half += 16)
      storeTransposed(
        v128.load(lanes + half),
        v128.load(lanes + half, 32),
        v128.load(lanes + half, 64),
        v128.load(lanes + half, 96),
        panels + (half << 2),
        16,
      );
    lanes += 128;
    panels += (<usize>BLOCK) << 4;
  }
}

/** C [4, 8] += A^T B in every panel of four of `count` keys and eight of `width` columns. */
function addPanels(a: usize, b: usize, queries: i32, count: i32, width: i32, c: usize): void {
  for (let j = 0; j < count; j += 4) {
    let columns = b;
    for (let at = 0; at < width; at += 8) {
      addProduct<f32>(a, columns, queries, c);
      columns += (<usize>BLOCK) << 5;
      c += 128;
    }
    a += (<usize>BLOCK) << 4;
  }
}

/** Whether one of `count` queries sees a key from `first` on. */
function sees(block: usize, count: i32, d: i32, dv: i32, first: i32): bool {
  for (let i = 0; i < count; i++)
    if (load<i32>(stateOf(groupOf(block, i >> 3, d, dv), d, dv) + (<usize>(i & 7) << 2), LIMITS) > first) return true;
  return false;
}

/** Adds what a block of `queries` queries and a tile of `count` keys from `first` on give each other. Arguments as in attend.ts. */
export function backwardTile(
  tile: usize,
  first: i32,
  count: i32,
  d: i32,
  dv: i32,
  factor: f64,
  isPower: bool,
  offsets: usize,
  byQuery: bool,
  block: usize,
  queries: i32,
  work: usize,
): void {
  if (!sees(block, queries, d, dv, first)) return;
  const weights = work;
  const gradients = weights + LANES;
  const ratios = gradients + LANES;
  const weightPanels = ratios + LANES;
  const gradientPanels = weightPanels + 8 * LANES;
  const scores = gradientPanels + 8 * LANES;
  const wideQueries = scores + ((<usize>TILE) << 5);
  const wideKeys = wideQueries + ((<usize>d) << 5);
  const size = abs(factor);
  let isPromoted = false;
  const groups = (queries + 7) >> 3;
  for (let g = 0; g < groups; g++) {
    const group = groupOf(block, g, d, dv);
    const state = stateOf(group, d, dv);
    if (byQuery && allHidden(offsets, count << 3)) {
      memory.fill(weights, 0, LANES);
      memory.fill(gradients, 0, LANES);
    } else {
      if (load<i32>(state, WIDE)) {
        if (!isPromoted) promote(tile, ((count + 3) & ~3) / 4 * d, 16, wideKeys);
        isPromoted = true;
        for (let half: usize = 0; half < 32; half += 16) {
          promote(group + half, d, 32, wideQueries);
          scoreWideTile(wideKeys, count, d, wideQueries, scores);
          if (isPower) invertScores(scores, count, factor, ratios + half);
          if (offsets)
            addWideOffsets(scores, count, byQuery ? offsets + 2 * half : offsets, byQuery, size, isPower);
          const isRatio = isPower && !offsets;
          weighWideLanes(scores, first, count, size, isRatio, state + 2 * half, state + half, weights + half);
        }
      } else {
        scoreTile(tile, count, d, group, weights);
        if (offsets) addOffsets(weights, count, offsets, byQuery);
        for (let half: usize = 0; half < 32; half += 16) weighLanes(weights + half, first, count, state + half);
      }
      scoreTile(valuesOf(tile, d), count, dv, outLanesOf(group, d), gradients);
      gradeScores(weights, gradients, count, state, weightGradients(tile, d, dv));
      if (isPower) multiply(gradients, ratios, count);
      let columns = keyColumnsOf(tile, d);
      const end = state;
      for (let at = queryGradientsOf(group, d, dv); at < end; at += 128) {
        addProduct<f32>(columns, gradients, count, at);
        columns += (<usize>TILE) << 4;
      }
    }
    transposeLanes(weights, count, g, weightPanels);
    transposeLanes(gradients, count, g, gradientPanels);
    if (byQuery) offsets += (<usize>TILE) << 6;
  }
  addPanels(weightPanels, outPanelsOf(block, d, dv), groups << 3, count, dv, valueGradients(tile, d, dv));
  addPanels(gradientPanels, queryPanelsOf(block, d, dv), groups << 3, count, d, keyGradients(tile, d, dv));
}

/** The gradients [count, d] of the queries of a block. */
export function finish(block: usize, count: i32, d: i32, dv: i32, out: usize): void {
  const one = f32x4.splat(1);
  for (let i = 0; i < count; i += 8) {
    unpackLanes(queryGradientsOf(groupOf(block, i >> 3, d, dv), d, dv), d, one, one, out);
    out += (<usize>d) << 5;
  }
}
