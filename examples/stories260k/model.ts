/** The forward pass of a small Llama: Karpathy's stories260K (karpathy/tinyllamas, MIT licence), in plain loops. */

export interface Config {
  readonly dim: number; // of a token
  readonly hidden: number; // of the feed-forward network
  readonly layers: number;
  readonly heads: number; // of queries
  readonly kvHeads: number; // of keys and values: each serves heads / kvHeads query heads
  readonly headDim: number; // dim / heads
  readonly vocab: number;
  readonly context: number; // the most tokens that the model can read
}

/** The weights of one layer. Matrices are [outputs, inputs], row-major; kvDim = kvHeads * headDim. */
export interface Layer {
  readonly attentionNorm: Float32Array; // [dim]
  readonly wq: Float32Array; // [dim, dim]
  readonly wk: Float32Array; // [kvDim, dim]
  readonly wv: Float32Array; // [kvDim, dim]
  readonly wo: Float32Array; // [dim, dim]
  readonly ffnNorm: Float32Array; // [dim]
  readonly w1: Float32Array; // [hidden, dim]
  readonly w2: Float32Array; // [dim, hidden]
  readonly w3: Float32Array; // [hidden, dim]
}

export interface Model {
  readonly config: Config;
  readonly embedding: Float32Array; // [vocab, dim], which is the output matrix as well
  readonly layers: readonly Layer[];
  readonly finalNorm: Float32Array; // [dim]
}

/** The keys and values of the tokens read so far, layer by layer. */
export interface Cache {
  length: number;
  readonly k: readonly Float32Array[]; // [context, kvHeads, headDim], after RoPE
  readonly v: readonly Float32Array[]; // [context, kvHeads, headDim]
}

/** What the attention of one layer saw and gave, for n tokens after `start` earlier ones. */
export interface Attention {
  readonly q: Float32Array; // [n, heads, headDim], after RoPE
  readonly k: Float32Array; // [start + n, kvHeads, headDim], after RoPE
  readonly v: Float32Array; // [start + n, kvHeads, headDim]
  readonly out: Float32Array; // [n, heads, headDim]
}

const HEADER_BYTES = 28;
const NORM_EPSILON = 1e-5;
const ROPE_BASE = 10000;

/**
 * Reads a model file: seven little-endian int32 (dim, hidden, layers, heads, kv heads, vocab, context), then float32
 * weights, kind by kind over all layers. Throws a RangeError for a header that describes no model, for a length
 * other than the header's, and for weights that are not finite.
 */
export function loadModel(bytes: Uint8Array): Model {
  if (bytes.length < HEADER_BYTES)
    throw new RangeError(`loadModel: the header needs ${HEADER_BYTES} bytes, got ${bytes.length}`);
  const { buffer } = new Uint8Array(bytes); // copied, since views of float32 begin at multiples of 4 bytes
  const header = new Int32Array(buffer, 0, HEADER_BYTES / 4);
  // A negative vocab marks a separate output matrix, which no model of this family has.
  if (!header.every((size) => size >= 1 && size <= 65536))
    throw new RangeError(`loadModel: the sizes in the header must be in [1, 65536], got [${header}]`);
  const [dim, hidden, layers, heads, kvHeads, vocab, context] = header;
  const headDim = dim / heads;
  const kvDim = kvHeads * headDim;
  if (!Number.isInteger(headDim / 2) || heads % kvHeads)
    throw new RangeError(
      `loadModel: dim / heads must be even and heads a multiple of kv heads, got ${dim}, ${heads}, ${kvHeads}`,
    );
  const layerSize = 2 * dim + 2 * dim * dim + 2 * kvDim * dim + 3 * hidden * dim;
  const legacySize = context * headDim; // RoPE's cosines and sines, which are computed here instead
  const expected = HEADER_BYTES + 4 * (vocab * dim + layers * layerSize + dim + legacySize);
  if (bytes.length !== expected)
    throw new RangeError(`loadModel: the header [${header}] needs ${expected} bytes, got ${bytes.length}`);
  const weights = new Float32Array(buffer, HEADER_BYTES);
  const bad = weights.findIndex((weight) => !Number.isFinite(weight));
  if (bad >= 0) throw new RangeError(`loadModel: weights must be finite, got ${weights[bad]} at ${bad}`);

  let used = 0;
  const take = (size: number) => weights.subarray(used, (used += size));
  const takeLayers = (size: number) => Array.from({ length: layers }, () => take(size));
  const embedding = take(vocab * dim);
  const stacked = {
    attentionNorm: takeLayers(dim),
    wq: takeLayers(dim * dim),
    wk: takeLayers(kvDim * dim),
    wv: takeLayers(kvDim * dim),
    wo: takeLayers(dim * dim),
    ffnNorm: takeLayers(dim),
    w1: takeLayers(hidden * dim),
    w2: takeLayers(dim * hidden),
    w3: takeLayers(hidden * dim),
  };
  const layer = (l: number): Layer => ({
    attentionNorm: stacked.attentionNorm[l],
    wq: stacked.wq[l],
    wk: stacked.wk[l],
    wv: stacked.wv[l],
    wo: stacked.wo[l],
    ffnNorm: stacked.ffnNorm[l],
    w1: stacked.w1[l],
    w2: stacked.w2[l],
    w3: stacked.w3[l],
  });
  return {
    config: { dim, hidden, layers, heads, kvHeads, headDim, vocab, context },
    embedding,
    layers: Array.from({ length: layers }, (_, l) => layer(l)),
    finalNorm: take(dim),
  };
}

/** A cache without tokens. */
export function emptyCache({ config: { layers, context, kvHeads, headDim } }: Model): Cache {
  const zeros = () => Array.from({ length: layers }, () => new Float32Array(context * kvHeads * headDim));
  return { length: 0, k: zeros(), v: zeros() };
}

/**
 * Reads n tokens after those in the cache, which grows by them.
 * Returns the logits of each one's successor, [n, vocab], and what the attention of each layer saw.
 */
export function forward(
  model: Model,
  tokens: readonly number[],
  cache: Cache = emptyCache(model),
): { logits: Float32Array; attention: Attention[] } {
  const { dim, hidden, heads, kvHeads, headDim, vocab, context } = model.config;
  const start = cache.length;
  const bad = tokens.find((token) => !(Number.isInteger(token) && token >= 0 && token < vocab));
  if (bad !== undefined)
    throw new RangeError(`forward: tokens must be integers in [0, ${vocab}), got ${bad}`);
  if (tokens.length < 1 || start + tokens.length > context)
    throw new RangeError(`forward: 1 to ${context} tokens fit, got ${tokens.length} after ${start}`);
  cache.length += tokens.length;
  const cached = (rows: Float32Array, added: Float32Array) => {
    rows.set(added, start * kvHeads * headDim);
    return rows.subarray(0, cache.length * kvHeads * headDim); // [start + n, kvHeads, headDim]
  };

  const x = new Float32Array(tokens.length * dim); // [n, dim]
  tokens.forEach((token, i) => {
    x.set(model.embedding.subarray(token * dim, (token + 1) * dim), i * dim);
  });
  const attention = model.layers.map((layer, l) => {
    const a = rmsNorm(x, layer.attentionNorm); // [n, dim]
    const q = rope(linear(a, layer.wq, dim), heads, headDim, start); // [n, heads, headDim]
    const k = cached(cache.k[l], rope(linear(a, layer.wk, dim), kvHeads, headDim, start));
    const v = cached(cache.v[l], linear(a, layer.wv, dim));
    const out = attend(q, k, v, model.config, start); // [n, heads, headDim]
    add(x, linear(out, layer.wo, dim));

    const f = rmsNorm(x, layer.ffnNorm); // [n, dim]
    const up = linear(f, layer.w3, dim); // [n, hidden]
    const gated = linear(f, layer.w1, dim).map((g, i) => (g / (1 + Math.exp(-g))) * up[i]); // SwiGLU, [n, hidden]
    add(x, linear(gated, layer.w2, hidden));
    return { q, k, v, out };
  });
  return { logits: linear(rmsNorm(x, model.finalNorm), model.embedding, dim), attention };
}

/** Each row of x [n, dim] becomes x / sqrt(mean(x^2) + epsilon) * weight. */
function rmsNorm(x: Float32Array, weight: Float32Array): Float32Array {
  const dim = weight.length;
  const out = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += dim) {
    let squares = 0;
    for (let c = 0; c < dim; c++) squares += x[row + c] ** 2;
    const scale = 1 / Math.sqrt(squares / dim + NORM_EPSILON);
    for (let c = 0; c < dim; c++) out[row + c] = x[row + c] * scale * weight[c];
  }
  return out;
}

/** x W^T for x [n, inputs] and W [outputs, inputs]: [n, outputs], summed in float64. */
function linear(x: Float32Array, weight: Float32Array, inputs: number): Float32Array {
  const n = x.length / inputs;
  const outputs = weight.length / inputs;
  const out = new Float32Array(n * outputs);
  for (let i = 0; i < n; i++)
    for (let o = 0; o < outputs; o++) {
      let sum = 0;
      for (let c = 0; c < inputs; c++) sum += x[i * inputs + c] * weight[o * inputs + c];
      out[i * outputs + o] = sum;
    }
  return out;
}

/** Rotary positions, in place: entries (c, c + 1), c even, of each head turn by position * base^(-c / headDim). */
function rope(x: Float32Array, heads: number, headDim: number, start: number): Float32Array {
  for (let even = 0; even < x.length; even += 2) {
    const position = start + Math.floor(even / (heads * headDim));
    const angle = position * ROPE_BASE ** (-(even % headDim) / headDim);
    const [a, b, cos, sin] = [x[even], x[even + 1], Math.cos(angle), Math.sin(angle)];
    x[even] = a * cos - b * sin;
    x[even + 1] = a * sin + b * cos;
  }
  return x;
}

/** Causal attention: softmax(<q, k> / sqrt(headDim)) over the keys up to the query's position, times v. */
function attend(
  q: Float32Array, // [n, heads, headDim]
  k: Float32Array, // [start + n, kvHeads, headDim]
  v: Float32Array, // [start + n, kvHeads, headDim]
  { heads, kvHeads, headDim }: Config,
  start: number,
): Float32Array {
  const out = new Float32Array(q.length); // [n, heads, headDim]
  for (let query = 0; query < q.length; query += headDim) {
    const visible = start + Math.floor(query / (heads * headDim)) + 1;
    const kvHead = Math.floor(((query / headDim) % heads) / (heads / kvHeads));
    const logits = new Float64Array(visible);
    for (let j = 0; j < visible; j++) {
      const key = (j * kvHeads + kvHead) * headDim;
      for (let c = 0; c < headDim; c++) logits[j] += q[query + c] * k[key + c];
      logits[j] /= Math.sqrt(headDim);
    }
    const weights = softmax(logits);
    for (let c = 0; c < headDim; c++) {
      let sum = 0;
      for (let j = 0; j < visible; j++) sum += weights[j] * v[(j * kvHeads + kvHead) * headDim + c];
      out[query + c] = sum;
    }
  }
  return out;
}

/** exp(x) / sum(exp(x)), in place. */
export function softmax(x: Float64Array): Float64Array {
  const largest = x.reduce((a, b) => Math.max(a, b));
  let total = 0;
  for (let i = 0; i < x.length; i++) total += x[i] = Math.exp(x[i] - largest);
  for (let i = 0; i < x.length; i++) x[i] /= total;
  return x;
}

function add(x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}
