/** How often rows must be drawn for a row sample to hold (1 +- eta) at all queries at once (docs/algorithms.md, section 9). */

/** What is to hold: sums of |<k_l,y>|^p off by at most eta of themselves for all y, but for a probability of delta. */
export interface SampleAccuracy {
  readonly p: number;
  readonly eta: number;
  readonly delta: number;
}

/** Radii of the net that are tried, from eta down by this factor: the rate is flat around the best one. */
const RADII = 400;
const RADIUS_STEP = 10 ** (-1 / 100);
/** More than the rounding of the rate. */
const SLACK = 1e-12;

/**
 * The rate c: rows kept with probabilities p_j >= min(1, c sigma_j), independently and with weights 1/p_j, hold `accuracy` in a space of
 * `dimension` directions. The smaller c of two proofs:
 *
 * p = 2, matrix Chernoff:  c = ln(2 r/delta)/h(eta),  h(x) = (1 + x) ln(1 + x) - x;
 * every p, a net of radius g:  c = (ln(2/delta) + r/min(1, p) ln(1 + 2/g))/h(eta_0), eta_0 what is left of eta between the points of the net.
 */
export function samplingRate(dimension: number, { p, eta, delta }: SampleAccuracy): number {
  const q = Math.max(1, p);
  let best =
    p === 2 ? Math.log((2 * Math.max(1, dimension)) / delta) / chernoff(eta) : Number.POSITIVE_INFINITY;
  for (let i = 0, radius = eta; i < RADII; i++, radius *= RADIUS_STEP) {
    const above = (1 + eta) * (1 - radius) ** q - 1;
    const below = 1 - ((1 - eta) ** (1 / q) + radius * (1 + eta) ** (1 / q)) ** q;
    const left = Math.min(above, below);
    if (!(left > 0)) continue;
    const points = (dimension / Math.min(1, p)) * Math.log1p(2 / radius);
    best = Math.min(best, (Math.log(2 / delta) + points) / chernoff(left));
  }
  return best * (1 + SLACK);
}

/** h(x) = (1 + x) ln(1 + x) - x, by its series where the difference would cancel. */
function chernoff(x: number): number {
  return x < 1e-3 ? (x * x) / 2 - (x * x * x) / 6 : (1 + x) * Math.log1p(x) - x;
}

/**
 * The rate c with sum_j min(1, c w_j) = count over the positive weights; infinite where there are no more of them than that. Each round
 * finds the rows that are certain at the present rate, and shares what is left of the count among the others.
 */
export function rateForCount(weights: Float64Array, count: number): number {
  if (!(weights.reduce((positive, weight) => positive + Number(weight > 0), 0) > count))
    return Number.POSITIVE_INFINITY;
  let certain = -1;
  let rate = 0;
  for (;;) {
    let above = 0;
    let free = 0;
    for (const weight of weights) {
      if (rate * weight >= 1) above++;
      else free += weight;
    }
    if (!(free > 0)) return Number.POSITIVE_INFINITY;
    if (above <= certain) return rate;
    certain = above;
    rate = (count - above) / free;
  }
}
