// What `npm run demo` shows: the main job on the attention of a real model, and what a vision transformer with 32 of 197 keys takes drawings for.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const MODEL = 'experiments/results/paper/long-leverage32.safetensors';
const DRAWINGS = 'examples/clothes/';

/** @param {readonly string[]} args */
function levattention(...args) {
  const { status } = spawnSync(process.execPath, ['dist/cli.js', ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

levattention('demo', ...process.argv.slice(2));
const drawings = readdirSync(`${root}${DRAWINGS}`).filter((name) => name.endsWith('.png'));
console.log(
  `\nA vision transformer that was trained on Fashion-MNIST, looking at 32 of the 197 keys of each head, takes ${DRAWINGS}*.png for:`,
);
levattention('classify', MODEL, ...drawings.map((name) => `${DRAWINGS}${name}`), '--top', '1');
