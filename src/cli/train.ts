/** `levattention train`: trains a vision transformer as a configuration file says, with checkpoints to go on from. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Command } from 'commander';
import { loadVit, writeCheckpoint, writeWeights } from '../vit/checkpoint.js';
import { fingerprintOf } from '../vit/images.js';
import { type Naming, namings } from '../vit/names.js';
import { attentionText } from '../vit/operators.js';
import { parameterCount } from '../vit/parameters.js';
import { defaultRecipe, type Plan, stepsOf, trainingPlan } from '../vit/plan.js';
import { checkRoom } from '../vit/room.js';
import { type Evaluation, initialState, Trainer, type TrainingState } from '../vit/trainer.js';
import { InputError, Interrupted, UsageError } from './failure.js';
import { fileBehind, openFile, writeFileAtomic } from './file-source.js';
import { dataHelp, imageSets } from './image-data.js';
import { about } from './inputs.js';
import { parsePositive, parseThreads } from './options.js';
import { checkOutput } from './outputs.js';
import type { Session } from './session.js';
import { number, percent, seconds, thousands } from './text.js';
import { jsonOf } from './whole-file.js';

interface TrainOptions {
  readonly output: string;
  readonly resume?: boolean;
  readonly data?: string;
  readonly threads: string;
  readonly saveEvery: string;
  readonly weights?: string;
  readonly names: string;
  readonly json?: boolean;
}

const help = `
CONFIG is JSON; what is left out has these values, and a name that is not known is refused:
  {
    "data": DATA,
    "model": { "image": [28, 28], "channels": 1, "patch": 2, "width": 64, "depth": 4, "heads": 4,
      "hidden": 4 x width, "classes": 10, "positions": "learned" or "sincos2d", "epsilon": 1e-6 },
    "attention": "softmax" or { "keys": 32, "select": "leverage", "tail": "drop", "always": [0] },
    "training": ${JSON.stringify(defaultRecipe)
      .replaceAll('":', '": ')
      .replaceAll(',"', ', "')
      .replace(/(.{1,78}),/g, '$1,\n     ')
      .trimEnd()}
  }
"images" is how many are seen in all, "subset" how many of the training images are used, "warmup" a
number of steps; "mean" and "std" are of pixels from 0 to 1, one number or a list with one for each
channel. Images of another size than the model's are resized.
${dataHelp}

The checkpoint is written every minute, at every look at the test set, at the end and on Ctrl-C; after
a kill, --resume goes on from it to the same weights, to the last bit, that an uninterrupted run has,
on the same images alone, by whatever path.
The result does not depend on --threads.

Examples:
  levattention train config.json -o run.safetensors
  levattention train config.json -o run.safetensors --resume --threads 2
  levattention train config.json -o run.safetensors --weights model.safetensors --names timm`;

/** The command. */
export function trainCommand(session: Session): Command {
  return new Command('train')
    .summary('train a vision transformer with exact or selected keys')
    .description(
      'Trains a vision transformer on labelled images: AdamW, warm-up and cosine, clipping, smoothed labels, random shifts and ' +
        'mirrorings, all from one seed.',
    )
    .argument('<config>', 'JSON file')
    .requiredOption('-o, --output <file>', 'checkpoint to write: .safetensors')
    .option('--resume', 'go on from the checkpoint')
    .option('--data <data>', 'in place of that of the configuration')
    .option('--threads <t>', 'workers that share the images of a step', '1')
    .option('--save-every <s>', 'seconds between checkpoints', '60')
    .option('--weights <file>', 'write the weights alone too: .safetensors')
    .option('--names <names>', `names of the tensors: ${namings.join(' or ')}`, 'huggingface')
    .option('--json', 'print JSON')
    .addHelpText('after', help)
    .action((config: string, options: TrainOptions) => train(config, options, session));
}

async function train(config: string, options: TrainOptions, { call, print }: Session): Promise<void> {
  const started = performance.now();
  const { output, weights, data, names, json } = options;
  checkOutput(output, ['.safetensors'], '-o', [config]);
  if (weights !== undefined) checkOutput(weights, ['.safetensors'], '--weights', [config]);
  if (weights !== undefined && isSameFile(weights, output))
    throw new UsageError('--weights must be another file than -o');
  if (!namings.includes(names as Naming))
    throw new UsageError(`--names must be ${namings.join(' or ')}, got '${names}'`);
  const threads = parseThreads(options.threads);
  const interval = parsePositive(options.saveEvery, '--save-every') * 1000;
  const plan = await about(config, async () => {
    const plan = trainingPlan({ ...jsonOf(config), ...(data !== undefined && { data }) });
    checkRoom(plan, 'train');
    return plan;
  });
  if (!options.resume && existsSync(output))
    throw new UsageError(`-o ${output} is there already: go on from it with --resume, or remove it`);
  if (!options.resume && weights !== undefined && existsSync(weights))
    throw new UsageError(`--weights ${weights} is there already: remove it, or name another file`);
  const sets = imageSets(plan.data);
  const images = fingerprintOf([sets.train, sets.test]);
  const state = options.resume ? await resumed(plan, images, output) : initialState(plan);
  const trainer = await about(config, async () => new Trainer(plan, sets, state, threads));
  const steps = stepsOf(plan);
  const { batch } = plan.training;
  let saved = performance.now();
  let own = identityOf(output);
  const save = () => {
    const there = identityOf(output);
    if (there !== undefined && there !== own)
      throw new InputError(`${output}: something else has written it since this run did`);
    writeFileAtomic(output, [writeCheckpoint(plan, trainer.state, names as Naming, images)], {
      synced: true,
    });
    own = identityOf(output);
    saved = performance.now();
  };
  const tell = (text: string) => json || print(text);
  const start = state.step > 0 ? `on from step ${thousands(state.step)} of ` : '';
  tell(
    `${thousands(parameterCount(plan.model))} parameters, ${attentionText(plan.attention)}: ${start}${thousands(steps)} steps of ${batch} images`,
  );
  let seen = 0;
  const heed = () => call.signal?.throwIfAborted();
  try {
    while (!trainer.done || trainer.evaluationDue) {
      if (trainer.evaluationDue) {
        const evaluation = await trainer.evaluate((done, total) => {
          heed();
          call.onProgress?.({ phase: 'test images', done, total });
        });
        save();
        tell(lineOf(evaluation));
        continue;
      }
      const { loss, correct } = await trainer.step(heed);
      seen += batch;
      call.onProgress?.({
        phase: 'training images',
        done: trainer.stepsDone * batch,
        total: steps * batch,
        note: `loss ${number(loss / batch)}  accuracy ${percent(correct / batch)}`,
      });
      if (performance.now() - saved > interval) save();
    }
    save();
  } catch (error) {
    if (!call.signal?.aborted || error !== call.signal.reason) throw error;
    save();
    throw new Interrupted(
      `interrupted at step ${trainer.stepsDone} of ${steps}: ${output} is there to go on from with --resume`,
    );
  } finally {
    await trainer.close();
  }
  const { parameters, history, step } = trainer.state;
  if (weights !== undefined) writeFileAtomic(weights, [writeWeights(plan, parameters, names as Naming)]);
  const elapsed = (performance.now() - started) / 1000;
  if (json) print(JSON.stringify({ plan, parameters: parameters.length, step, history, seconds: elapsed }));
  else
    print(
      `checkpoint written to ${output}${weights === undefined ? '' : `, weights to ${weights}`}\ntook ${seconds(elapsed)}, ${number(Math.round((10 * seen) / elapsed) / 10)} images/s`,
    );
}

/** Whether two paths of files that may not be there yet lead to the same one, through whatever links. */
function isSameFile(...paths: [string, string]): boolean {
  const [one, other] = paths.map((path) => {
    const file = fileBehind(path);
    return [realpathSync.native(dirname(file)), basename(file)].join('/');
  });
  return one === other;
}

/** What tells a file from one that took its place; nothing where there is none. */
function identityOf(path: string): string | undefined {
  const file = statSync(path, { bigint: true, throwIfNoEntry: false });
  return file && [file.ino, file.mtimeNs, file.size].join(' ');
}

/** The values of the checkpoint to go on from, which must be of these images where it tells. */
async function resumed(plan: Plan, images: string, output: string): Promise<TrainingState> {
  const file = openFile(output);
  const loaded = await about(output, () => loadVit(file));
  file.close();
  if (!loaded.state) throw new InputError(`${output}: holds weights, not a checkpoint to go on from`);
  const { data, ...here } = plan;
  const { data: theirs, ...there } = loaded.plan;
  const different = differences(here, there);
  if (different.length > 0)
    throw new InputError(
      `${output}: is the checkpoint of another configuration, which differs in ${different.join(', ')}`,
    );
  if (loaded.images !== undefined && loaded.images !== images) {
    const now = theirs === data ? ' as they were' : `, not of '${data}'`;
    throw new InputError(`${output}: is the checkpoint of a run on other images, those of '${theirs}'${now}`);
  }
  return loaded.state;
}

/** The names of the entries that differ, also where only one side has them. */
function differences(here: object, there: object): string[] {
  return [...new Set([...Object.keys(here), ...Object.keys(there)])].flatMap((name) => {
    const [own, other] = [here, there].map((side) => (side as Record<string, unknown>)[name]);
    if (JSON.stringify(own) === JSON.stringify(other)) return [];
    return isGroup(own) && isGroup(other)
      ? differences(own, other).map((inner) => `${name}.${inner}`)
      : [name];
  });
}

function isGroup(value: unknown): value is object {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function lineOf({ step, images, trainLoss, trainAccuracy, testLoss, testAccuracy }: Evaluation): string {
  const share = (value: number) => `${(100 * value).toFixed(2)} %`;
  return (
    `step ${thousands(step)}, ${thousands(images)} images: ` +
    `training loss ${number(trainLoss)}, accuracy ${share(trainAccuracy)}; ` +
    `test loss ${number(testLoss)}, accuracy ${share(testAccuracy)}`
  );
}
