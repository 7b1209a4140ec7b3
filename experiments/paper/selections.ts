/** Which keys each head of a model selects on the first test images, at every look of its training: what experiment 4 reads of a training run. */
import { existsSync, readFileSync } from 'node:fs';
import { parseSelector } from '../../src/attention/selectors/index.js';
import { selectSteps } from '../../src/attention/selectors/selector.js';
import { matrixOver } from '../../src/keys.js';
import { run as finish } from '../../src/steps.js';
import { loadVit } from '../../src/vit/checkpoint.js';
import type { HeadsOfImage } from '../../src/vit/operator.js';
import { looksOf } from '../../src/vit/plan.js';
import { readJson, writeWhole } from '../cache.js';
import { type Artefact, artefactPath } from './artefact.js';
import { setsOf } from './data.js';
import type { Place } from './place.js';
import { hashOf } from './run.js';
import type { TrainingRun } from './train.js';
import { watch } from './watch.js';

/** Selected keys, class token left out: [image][layer][head]. */
export type Selections = readonly (readonly (readonly (readonly number[])[])[])[];

/** Whose choice of how many keys is followed, on how many images. */
export interface Watched {
  readonly select: string;
  readonly keys: number;
  readonly images: number;
}

/** As the file has it: for each look the selections as bits, in base64. */
interface Packed {
  readonly config: object;
  readonly looks: readonly string[];
}

/** Where the weights of a look wait for the end of the training. */
export const lookPath = (run: TrainingRun, place: Place, step: number) =>
  place.path(run, `step-${String(step).padStart(6, '0')}.safetensors`);

/** The selections of a run at every look. */
export function selectionsOf(run: TrainingRun, watched: Watched): Artefact<Selections[]> {
  const { plan } = run.config;
  const file = `${run.name}.keys.json`;
  const { select, keys, images } = watched;
  const config = { run: hashOf(run.config), select, keys, images };
  return {
    run,
    file,
    async read(place) {
      const packed = readJson(artefactPath({ file }, place)) as Packed | null | undefined;
      if (!packed?.config || !Array.isArray(packed.looks)) return undefined;
      if (hashOf(packed.config) !== hashOf(config)) return undefined;
      const looks = packed.looks.map((look) => unpack(look, run, images));
      const whole = looks.filter((look) => look !== undefined);
      return whole.length === looksOf(plan).length ? whole : undefined;
    },
    async make(place) {
      const { heads, epsilon } = plan.model;
      const paths = looksOf(plan).map((step) => lookPath(run, place, step));
      if (!paths.every((path) => existsSync(path))) return false;
      const { test } = setsOf(plan.data);
      const looks: string[] = [];
      for (const path of paths) {
        const loaded = await loadVit(readFileSync(path), { heads, epsilon }).catch(() => undefined);
        if (!loaded) return false;
        const layersOf = watch(plan, loaded.parameters, test);
        const selections = Array.from({ length: images }, (_, i) =>
          layersOf(i).map((layer) => selected(layer, watched)),
        );
        looks.push(pack(selections, run.tokens));
      }
      const packed: Packed = { config, looks };
      writeWhole(artefactPath({ file }, place), `${JSON.stringify(packed)}\n`);
      return true;
    },
  };
}

/** The keys of each head that the selector chooses besides the class token. */
function selected({ k, heads, tokens, headDim: d }: HeadsOfImage, { select, keys }: Watched): number[][] {
  const selector = parseSelector(select);
  return Array.from({ length: heads }, (_, head) => {
    const matrix = matrixOver(k, tokens, d, head * tokens * d);
    const chosen = finish(selectSteps(selector, matrix, keys, { always: [0] }));
    return chosen.filter((j) => j !== 0);
  });
}

/** Bytes of a head: a bit for each key but the class token. */
const bytesOf = (tokens: number) => Math.ceil((tokens - 1) / 8);

/** Heads one after the other, image by image and layer by layer. */
export function pack(selections: Selections, tokens: number): string {
  const heads = selections.flat(2);
  const size = bytesOf(tokens);
  const bits = new Uint8Array(heads.length * size);
  for (const [head, keys] of heads.entries())
    for (const key of keys) bits[head * size + ((key - 1) >> 3)] |= 1 << ((key - 1) & 7);
  return Buffer.from(bits).toString('base64');
}

/** The inverse, keys in ascending order; undefined where it has another length. */
export function unpack(
  packed: string,
  { config, tokens }: TrainingRun,
  images: number,
): Selections | undefined {
  const { depth, heads } = config.plan.model;
  const size = bytesOf(tokens);
  const bits = Buffer.from(packed, 'base64');
  if (bits.length !== images * depth * heads * size) return undefined;
  const keysOf = (head: number) =>
    Array.from({ length: tokens - 1 }, (_, i) => i).flatMap((i) =>
      bits[head * size + (i >> 3)] & (1 << (i & 7)) ? [i + 1] : [],
    );
  return Array.from({ length: images }, (_, image) =>
    Array.from({ length: depth }, (_, layer) =>
      Array.from({ length: heads }, (_, head) => keysOf((image * depth + layer) * heads + head)),
    ),
  );
}
