/** Tells a story: npx tsx examples/stories260k/tell.ts FOLDER ['Once upon a time'] [SEED] */
import { randomStream } from '../../src/index.js';
import { generate, greedy, sampled } from './generate.js';
import { loadStories } from './load.js';

const [folder, beginning = 'Once upon a time', seed] = process.argv.slice(2);
if (!folder) {
  console.error("usage: tell.ts FOLDER ['Once upon a time'] [SEED]; the likeliest story without a seed");
  process.exit(2);
}
try {
  const { model, tokenizer } = loadStories(folder);
  const choose = seed === undefined ? greedy : sampled(0.8, randomStream(Number(seed)));
  const prompt = tokenizer.encode(beginning);
  console.log(tokenizer.decode([...prompt, ...generate(model, prompt, choose)]));
} catch (error) {
  console.error(String(error));
  process.exit(1);
}
