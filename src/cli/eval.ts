/** `levattention eval`: the accuracy of a vision transformer on test images, with its own attention or another. */
import { Command } from 'commander';
import { firstOfSet } from '../vit/images.js';
import { attentionText } from '../vit/operators.js';
import { evaluateVit } from '../vit/trainer.js';
import { InputError } from './failure.js';
import { dataHelp, imageSets } from './image-data.js';
import { about } from './inputs.js';
import { type AttentionOptions, attentionOf, modelHelp, openModel } from './models.js';
import { parseCount, parseThreads } from './options.js';
import type { Session } from './session.js';
import { number, seconds, thousands } from './text.js';

interface EvalOptions extends AttentionOptions {
  readonly data?: string;
  readonly images?: string;
  readonly heads?: string;
  readonly threads: string;
  readonly json?: boolean;
}

const help = `${modelHelp}
${dataHelp}

Without --keys and --softmax the model attends as it was trained to.

Examples:
  levattention eval run.safetensors
  levattention eval run.safetensors --keys 32 --select leverage-centred --json
  levattention eval model.safetensors --heads 4 --data fashion-mnist --images 1000`;

/** The command. */
export function evalCommand(session: Session): Command {
  return new Command('eval')
    .summary('accuracy of a vision transformer on test images')
    .description('Judges a vision transformer on the test images of a data set.')
    .argument('<model>', 'file of a model')
    .option('--data <data>', 'data set; that of its training unless given')
    .option('--images <n>', 'the first so many test images alone')
    .option('--softmax', 'attend to all keys')
    .option('--keys <k>', 'attend to so many keys in each head')
    .option(
      '--select <selector>',
      'with --keys: which ones; leverage unless given, with clusters leverage-centred',
    )
    .option('--tail <tail>', 'with --keys: what stands in for the others, as for attend; drop unless given')
    .option('--always <list>', 'with --keys: positions that are always kept, or none; 0 unless given')
    .option('--heads <h>', 'heads of a model that does not tell')
    .option('--threads <t>', 'workers that share the images', '1')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action(async (model: string, options: EvalOptions) =>
      session.print(await evaluate(model, options, session)),
    );
}

async function evaluate(path: string, options: EvalOptions, { call }: Session): Promise<string> {
  const started = performance.now();
  const threads = parseThreads(options.threads);
  const most = options.images === undefined ? null : parseCount(options.images, '--images');
  const other = attentionOf(options);
  const { plan: own, isTold, parameters } = await openModel(path, options.heads);
  const attention = other ?? own.attention;
  if (!isTold && options.data === undefined)
    throw new InputError(`${path}: does not tell its data: name them with --data`);
  const set = firstOfSet(imageSets(options.data ?? own.data).test, most);
  const { count } = set;
  const score = await about(path, () =>
    evaluateVit({ ...own, attention }, parameters, set, threads, (done, total) => {
      call.signal?.throwIfAborted();
      call.onProgress?.({ phase: 'test images', done, total });
    }),
  );
  const elapsed = (performance.now() - started) / 1000;
  const loss = score.loss / count;
  const accuracy = score.correct / count;
  if (options.json) return JSON.stringify({ attention, images: count, loss, accuracy, seconds: elapsed });
  return [
    `${attentionText(attention)}: accuracy ${(100 * accuracy).toFixed(2)} % of ${thousands(count)} images, loss ${number(loss)}`,
    `took ${seconds(elapsed)}, ${number(Math.round(count / elapsed))} images/s`,
  ].join('\n');
}
