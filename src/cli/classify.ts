/** `levattention classify`: what a vision transformer takes pictures for. */
import { inflateSync } from 'node:zlib';
import { Command } from 'commander';
import { type PngImage, readPng } from '../io/png.js';
import { type ImageSet, prepareImage } from '../vit/images.js';
import { finiteLogits, largestAt } from '../vit/loss.js';
import { attentionOperator } from '../vit/operators.js';
import { Vit } from '../vit/vit.js';
import { fashionClasses } from './image-data.js';
import { about } from './inputs.js';
import { type AttentionOptions, attentionOf, modelHelp, openModel } from './models.js';
import { parseCount } from './options.js';
import type { Session } from './session.js';
import { table } from './text.js';
import { readFile } from './whole-file.js';

interface ClassifyOptions extends AttentionOptions {
  readonly top: string;
  readonly invert?: boolean;
  readonly heads?: string;
  readonly json?: boolean;
}

const help = `${modelHelp}

Pictures are PNG files, grey or coloured, of any size: whole, they are resized to that of the model,
colours become grey where the model has one channel, and transparent parts become black.

Examples:
  levattention classify run.safetensors shoe.png
  levattention classify run.safetensors *.png --top 1 --json`;

/** A class and how likely it is. */
interface Guess {
  readonly class: number;
  readonly name?: string;
  readonly probability: number;
}

/** The command. */
export function classifyCommand(session: Session): Command {
  return new Command('classify')
    .summary('what a vision transformer takes pictures for')
    .description('Prints the likeliest classes of each picture with their probabilities.')
    .argument('<model>', 'file of a model')
    .argument('<pictures...>', 'PNG files')
    .option('--top <n>', 'classes to print', '3')
    .option('--invert', 'take dark for bright, as for ink on paper')
    .option('--softmax', 'attend to all keys')
    .option('--keys <k>', 'attend to so many keys in each head')
    .option(
      '--select <selector>',
      'with --keys: which ones; leverage unless given, with clusters leverage-centred',
    )
    .option('--tail <tail>', 'with --keys: what stands in for the others, as for attend; drop unless given')
    .option('--always <list>', 'with --keys: positions that are always kept, or none; 0 unless given')
    .option('--heads <h>', 'heads of a model that does not tell')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (model: string, pictures: string[], options: ClassifyOptions) =>
      session.print(await classify(model, pictures, options, session)),
    );
}

async function classify(
  path: string,
  pictures: readonly string[],
  options: ClassifyOptions,
  { call }: Session,
): Promise<string> {
  const top = parseCount(options.top, '--top');
  const other = attentionOf(options);
  const { plan, parameters } = await openModel(path, options.heads);
  const { model, training, attention } = plan;
  const vit = new Vit(model, attentionOperator(other ?? attention, training.seed), 1, { learns: false });
  vit.parameters.set(parameters);
  const names = plan.data === 'fashion-mnist' ? fashionClasses : [];
  const input = new Float32Array(model.channels * model.image[0] * model.image[1]);
  const results: { picture: string; classes: Guess[] }[] = [];
  for (const [done, picture] of pictures.entries()) {
    call.onProgress?.({ phase: 'pictures', done, total: pictures.length });
    // Signals are heard between two pictures.
    await new Promise((resolve) => setImmediate(resolve));
    call.signal?.throwIfAborted();
    const set = setOf(picture, model.channels, options.invert ?? false);
    prepareImage(set, 0, model, training, input);
    const logits = await about(path, async () => finiteLogits(vit.forward(input, [0])));
    results.push({ picture, classes: guesses(logits, names).slice(0, top) });
  }
  if (options.json) return JSON.stringify(results);
  const rows = results.flatMap(({ picture, classes }) =>
    classes.map((guess, rank) => [
      rank === 0 ? picture : '',
      guess.name ?? `${guess.class}`,
      `${(100 * guess.probability).toFixed(1)} %`,
    ]),
  );
  return table([['picture', 'class', 'probability'], ...rows], ['picture', 'class']);
}

/** All classes, the likeliest first. */
function guesses(logits: Float32Array | Float64Array, names: readonly string[]): Guess[] {
  const largest = logits[largestAt(logits)];
  const weights = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights
    .map((weight, index) => ({
      class: index,
      ...(names[index] !== undefined && { name: names[index] }),
      probability: weight / sum,
    }))
    .sort((a, b) => b.probability - a.probability);
}

/** A picture as a set of one image. */
function setOf(path: string, channels: number, invert: boolean): ImageSet {
  const image = readPng(
    readFile(path),
    (packed, size) => inflateSync(packed, { maxOutputLength: size + 1 }),
    path,
  );
  const pixels = inChannels(image, channels);
  return {
    count: 1,
    channels,
    height: image.height,
    width: image.width,
    pixels: invert ? pixels.map((value) => 255 - value) : pixels,
    labels: new Uint8Array(1),
  };
}

/** Grey by the weights of ITU-R BT.601, or the same grey in every channel. */
function inChannels({ channels, pixels, width, height }: PngImage, wanted: number): Uint8Array {
  if (channels === wanted) return pixels;
  const size = width * height;
  const grey =
    channels === 1
      ? pixels
      : Uint8Array.from({ length: size }, (_, i) =>
          Math.round(0.299 * pixels[i] + 0.587 * pixels[size + i] + 0.114 * pixels[2 * size + i]),
        );
  const out = new Uint8Array(wanted * size);
  for (let c = 0; c < wanted; c++) out.set(grey, c * size);
  return out;
}
