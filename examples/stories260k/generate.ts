/** Continues a text token by token: the most likely one each time, or one drawn from the model's distribution. */
import type { Random } from '../../src/index.js';
import { emptyCache, forward, type Model, softmax } from './model.js';
import { BEGIN, END } from './tokenizer.js';

/** Picks the next token from its logits, [vocab]. */
export type Choice = (logits: Float32Array) => number;

/** The token of the largest logit; the lower one of equals. */
export const greedy: Choice = (logits) => logits.indexOf(Math.max(...logits));

/** Draws from softmax(logits / temperature): below 1 nearer to the likeliest token, above 1 nearer to even odds. */
export function sampled(temperature: number, random: Random): Choice {
  if (!(temperature > 0 && temperature < Number.POSITIVE_INFINITY))
    throw new RangeError(`sampled: temperature must be positive and finite, got ${temperature}`);
  return (logits) => {
    const odds = softmax(Float64Array.from(logits, (logit) => logit / temperature));
    let left = random.uniform();
    const token = odds.findIndex((probability) => (left -= probability) < 0);
    return token >= 0 ? token : greedy(logits); // where rounding lets the odds add up to less than the draw
  };
}

/** Yields the tokens after those of the prompt until the model ends the text or its context is full. */
export function* generate(
  model: Model,
  prompt: readonly number[],
  choose: Choice = greedy,
): Generator<number, void, void> {
  const { vocab, context } = model.config;
  const cache = emptyCache(model);
  let tokens = prompt;
  while (cache.length + tokens.length <= context) {
    const next = choose(forward(model, tokens, cache).logits.slice(-vocab));
    if (next === BEGIN || next === END) return;
    yield next;
    tokens = [next];
  }
}
