/** Rows of whole numbers whose distance from a plane is about 1e-31 of their size: what doubled precision does not tell from zero. */
import type { Matrix } from './matrix.js';
import type { Random } from './random.js';

type Vector = readonly [bigint, bigint, bigint];

const dot = (a: Vector, b: Vector): bigint => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** [n, 3] of entries below 2^53: m v + m' v' + k w with m, m' below 2^25 and k about `spread`, where <v, N> = <v', N> = 0 and <w, N> = 1. */
export function nearPlane(random: Random, n: number, spread: number): Matrix {
  const whole = (most: number) => BigInt(random.integer(-most, most));
  const vector = (): Vector => [whole(2 ** 26), whole(2 ** 26), whole(2 ** 26)];
  for (;;) {
    const [v, other] = [vector(), vector()];
    const normal: Vector = [
      v[1] * other[2] - v[2] * other[1],
      v[2] * other[0] - v[0] * other[2],
      v[0] * other[1] - v[1] * other[0],
    ];
    const first = bezout(normal[0], normal[1]);
    const both = bezout(first.divisor, normal[2]);
    if (both.divisor !== 1n && both.divisor !== -1n) continue;
    const x = both.x * both.divisor;
    let step: Vector = [first.x * x, first.y * x, both.y * both.divisor];
    for (let i = 0; i < 2; i++) step = shortened(step, v, other);
    const data = new Float64Array(3 * n);
    for (let j = 0; j < n; j++) {
      const [m, m2, k] = [whole(2 ** 25), whole(2 ** 25), BigInt(Math.round(spread * random.gaussian()))];
      for (let c = 0; c < 3; c++) data[3 * j + c] = Number(m * v[c] + m2 * other[c] + k * step[c]);
    }
    return { data, n, d: 3 };
  }
}

/** a x + b y = divisor. */
function bezout(a: bigint, b: bigint): { divisor: bigint; x: bigint; y: bigint } {
  if (b === 0n) return { divisor: a, x: 1n, y: 0n };
  const { divisor, x, y } = bezout(b, a % b);
  return { divisor, x: y, y: x - (a / b) * y };
}

/** w less what two vectors explain of it, in whole multiples. */
function shortened(w: Vector, v: Vector, other: Vector): Vector {
  const [a, b, c] = [dot(v, v), dot(v, other), dot(other, other)];
  const [e, f] = [dot(w, v), dot(w, other)];
  const m = (e * c - f * b) / (a * c - b * b);
  const m2 = (f * a - e * b) / (a * c - b * b);
  return [w[0] - m * v[0] - m2 * other[0], w[1] - m * v[1] - m2 * other[1], w[2] - m * v[2] - m2 * other[2]];
}
