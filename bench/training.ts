/** What does an image cost a training step of a vision transformer, with softmax attention and with a few keys, in ours and in other engines? */
import { race } from './measure.js';
import type { Setting } from './peers/setup.js';
import { torchTraining } from './peers/torch-training.js';
import { type Answer, ratioOf, rowsOf, type Table, type Target } from './results.js';
import {
  compareSteps,
  quickTrainingCases,
  type TrainingCase,
  tokensOfCase,
  trainingCases,
  trainingData,
} from './training-data.js';
import { trainingMemory, trainingWays } from './training-memory.js';

export async function training(setting: Setting): Promise<Answer> {
  const tables: Table[] = [];
  const targets: Target[] = [];
  for (const each of setting.quick ? quickTrainingCases : trainingCases) {
    const title = `training step, ${tokensOfCase(each)} tokens, batches of ${each.batch}`;
    if (setting.asked(title)) {
      setting.say(title);
      const table = await tableFor(title, each, setting);
      tables.push(table);
      targets.push(...targetsOf(table, each));
    }
    const memory = `memory of a ${title}`;
    if (setting.asked(memory)) tables.push(await trainingMemory(memory, each, setting));
  }
  return {
    question: 'A training step of a vision transformer',
    about: [
      'Width 64, 4 blocks, 4 heads of 16, MLP 256, patches of 2 x 2; forward, backward, clipping and AdamW in float32, from the same values on the same batch; milliseconds an image. "by stride" takes keys at equal distances, which costs nothing: what "by leverage" takes longer is the choice of keys. Agreement is of loss and gradient of the first step.',
      'PyTorch runs ViTForImageClassification of transformers with scaled_dot_product_attention; jax-js the same model in one jitted function with its valueAndGrad; TensorFlow.js its valueAndGrads with a gradient of the product of our own, the attention head by head or stacked, whichever is faster.',
    ].join('\n'),
    tables,
    targets,
  };
}

async function tableFor(
  title: string,
  each: TrainingCase,
  { packages, python, folder, quick }: Setting,
): Promise<Table> {
  const data = trainingData(each);
  const contestants = [
    ...trainingWays(data, packages),
    ...[1, 2].map((threads) => torchTraining(python, threads, data, folder)),
  ];
  const timings = await race(contestants, { seconds: quick ? 1 : 6, rounds: 9, warmUp: true });
  const rows = rowsOf(contestants, timings, ({ result }, i) => {
    const [{ result: first }] = timings;
    if (!result || !first || i === 0 || !contestants[i].name.endsWith('softmax')) return undefined;
    return compareSteps(result, first);
  });
  return { title, unit: 'ms', rows };
}

/** Selection is at most this share of a step: then the step takes at most 1 / (1 - share) times as long as one without. */
const SELECTION = 0.15;

function targetsOf(table: Table, each: TrainingCase): Target[] {
  const side = (contestant: string) => ({ contestant, threads: 1 });
  const own = 'levattention, softmax';
  const target = (
    text: string,
    bound: Target['bound'],
    wanted: number,
    slower: string,
    faster: string,
  ): Target => ({
    text: `${text}, ${table.title}, 1 thread`,
    bound,
    wanted,
    ratio: ratioOf(table, 'an image', side(slower), side(faster)),
  });
  return [
    ...['jax-js', 'TensorFlow.js'].map((peer) =>
      target(`levattention against ${peer}, softmax`, 'at least', 4, `${peer}, softmax`, own),
    ),
    target('levattention against PyTorch, softmax', 'at most', 3, own, 'PyTorch, softmax'),
    target(
      'a step with the choice of 32 keys against one without',
      'at most',
      Number((1 / (1 - SELECTION)).toFixed(2)),
      'levattention, 32 keys by leverage',
      'levattention, 32 keys by stride',
    ),
    ...(tokensOfCase(each) > 500
      ? [32, 128].map((keys) =>
          target(
            `${keys} keys against softmax, both ours`,
            'at least',
            1.5,
            own,
            `levattention, ${keys} keys by leverage`,
          ),
        )
      : []),
  ];
}
