/** Seeded draws for the tests: xoshiro128** seeded by splitmix32, so that every failing case repeats from one number. */

export interface Random {
  /** In [0, 1), 32 bits. */
  uniform(): number;
  gaussian(): number;
  /** An integer in [low, high], both included. */
  integer(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  /** True with the given probability. */
  chance(probability: number): boolean;
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
}

const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

/** A generator whose whole sequence follows from `seed`, an integer. */
export function seeded(seed: number): Random {
  const next = splitmix32(seed);
  let [a, b, c, d] = [next(), next(), next(), next()];

  function uniform(): number {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = rotate(d, 11);
    return result / 2 ** 32;
  }

  const integer = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1));

  return {
    uniform,
    gaussian: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    integer,
    pick: (list) => list[integer(0, list.length - 1)],
    chance: (probability) => uniform() < probability,
  };
}
