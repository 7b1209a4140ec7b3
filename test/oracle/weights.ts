/** The weight functions, written again from their textbook definitions (Huber 1981; Zhang 1997) up to constant factors. */

export interface Weight {
  /** As the public option `f` spells it. */
  readonly name: string;
  readonly value: (x: number) => number;
}

const m = (name: string, scale: number, rho: (t: number) => number): Weight => ({
  name: `${name}:${scale}`,
  value: (x) => rho(Math.abs(x) / scale),
});

export const power = (p: number): Weight => ({ name: `power:${p}`, value: (x) => Math.abs(x) ** p });

export const mEstimators: Record<string, (scale: number) => Weight> = {
  huber: (scale) => m('huber', scale, (t) => (t <= 1 ? t * t : 2 * t - 1)),
  tukey: (scale) => m('tukey', scale, (t) => (t >= 1 ? 1 : t * t * (3 - 3 * t * t + t ** 4))),
  cauchy: (scale) => m('cauchy', scale, (t) => Math.log1p(t * t)),
  welsch: (scale) => m('welsch', scale, (t) => -Math.expm1(-t * t)),
  gemanMcClure: (scale) =>
    m('gemanMcClure', scale, (t) => (t > 1 ? 1 / (1 + 1 / t / t) : (t * t) / (1 + t * t))),
  l1l2: (scale) => m('l1l2', scale, (t) => (t * t) / (Math.sqrt(1 + (t * t) / 2) + 1)),
};
