/**
 * What an image costs a training step of a vision transformer (width 64, 4 blocks, 4 heads), with exact attention, with 32 keys, and in
 * PyTorch: `npx tsx bench/vit-step.ts`, some minutes. Processor time of one thread, medians. Memory is that of the process at its most.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomStream } from '../src/random.js';
import type { ImageSet } from '../src/vit/images.js';
import { trainingPlan } from '../src/vit/plan.js';
import { initialState, Trainer } from '../src/vit/trainer.js';
import { environmentFolder } from './peers/python.js';

const STEPS = 9;

/** Images of noise: what they show does not matter. */
function noise(count: number, side: number): ImageSet {
  const random = randomStream(1);
  const pixels = Uint8Array.from({ length: count * side * side }, () => random.uniform() * 256);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
  return { count, channels: 1, height: side, width: side, pixels, labels };
}

/** Milliseconds an image. */
async function ours(side: number, batch: number, attention: unknown): Promise<number> {
  const images = batch * STEPS;
  const training = { images, batch, chunk: Math.min(8, batch), evaluations: 1, warmup: 1000 };
  const plan = trainingPlan({ data: 'noise', model: { image: [side, side] }, attention, training });
  const set = noise(2 * batch, side);
  const trainer = new Trainer(plan, { train: set, test: set }, initialState(plan));
  const times: number[] = [];
  while (!trainer.done) {
    const { user } = process.cpuUsage();
    await trainer.step();
    times.push((process.cpuUsage().user - user) / 1000);
  }
  await trainer.close();
  return times.slice(3).sort((a, b) => a - b)[(STEPS - 3) >> 1] / batch;
}

/** The same of PyTorch, or why there is none. */
function torch(side: number, batch: number): string {
  const python = join(environmentFolder(), 'bin/python');
  if (!existsSync(python)) return 'not installed: npm run bench sets it up';
  const script = fileURLToPath(new URL('peers/vit_torch.py', import.meta.url));
  const env: NodeJS.ProcessEnv = { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' };
  delete env.OPENBLAS_CORETYPE;
  const { status, stdout } = spawnSync(python, [script, `${side}`, `${batch}`, '10'], {
    env,
    encoding: 'utf8',
  });
  return status === 0 ? `${Number(stdout).toFixed(1)} ms` : 'failed';
}

for (const { side, batch } of [
  { side: 28, batch: 32 },
  { side: 56, batch: 8 },
]) {
  console.log(`n = ${(side / 2) ** 2 + 1}, batches of ${batch}, processor time an image`);
  console.log(`  levattention, softmax: ${(await ours(side, batch, 'softmax')).toFixed(1)} ms`);
  console.log(
    `  levattention, 32 keys by leverage: ${(await ours(side, batch, { keys: 32 })).toFixed(1)} ms`,
  );
  console.log(`  PyTorch, softmax, one thread: ${torch(side, batch)}`);
}
console.log(`memory of levattention at its most: ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB`);
