/** The training loop: steps of AdamW on a vision transformer, from first values or from where another run stopped. */
import { adamwStep, normOf, rateAt } from './adamw.js';
import { type Crew, soloCrew, workerCrew } from './crew.js';
import { firstOfSet, type ImageSet } from './images.js';
import type { Score } from './loss.js';
import { piecesOf } from './order.js';
import { initialParameters, parameterCount, parameterParts } from './parameters.js';
import { looksOf, type Plan, type Recipe, stepsOf } from './plan.js';
import type { Job, Shared } from './replica.js';
import { chunkForLooks } from './room.js';

/** A look at the test set. */
export interface Evaluation {
  /** Steps and images before it. */
  readonly step: number;
  readonly images: number;
  /** Means over the training images since the last look. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
}

/** All that a run is at a time: with the plan, what it goes on from. */
export interface TrainingState {
  /** Steps that are done. */
  readonly step: number;
  readonly parameters: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Sums over the images since the last look. */
  readonly running: Score & { readonly images: number };
  readonly history: readonly Evaluation[];
}

/** What runs are given besides the plan. */
export interface Sets {
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** The state before the first step. */
export function initialState(plan: Plan): TrainingState {
  const count = parameterCount(plan.model);
  return {
    step: 0,
    parameters: initialParameters(plan.model, plan.training.seed),
    first: new Float32Array(count),
    second: new Float32Array(count),
    running: { loss: 0, correct: 0, images: 0 },
    history: [],
  };
}

/** A run under way. */
export class Trainer {
  private readonly crew: Crew;
  private readonly shared: Required<Shared>;
  /** The gradient of a step. */
  readonly total: Float32Array;
  private readonly steps: number;
  private readonly testRuns: Set<number>;
  private current: TrainingState;

  /**
   * @param threads - workers, no more than there are pieces of work; 1 for this thread alone, with the same result to the last bit
   * @throws RangeError for images of another kind than the model's
   */
  constructor(
    readonly plan: Plan,
    sets: Sets,
    state: TrainingState,
    threads = 1,
  ) {
    checkSets(plan, sets);
    const { model, training } = plan;
    const workers = Math.min(threads, Math.max(piecesOf(training), chunksOf(sets.test, training)));
    const place = workers > 1 ? sharedPlace : ownPlace;
    const count = parameterCount(model);
    this.shared = {
      plan,
      train: place.set(firstOfSet(sets.train, training.subset)),
      test: place.set(sets.test),
      parameters: place.floats(count),
      gradients: place.floats(piecesOf(training) * count),
    };
    this.shared.parameters.set(state.parameters);
    this.current = { ...state, first: state.first.slice(), second: state.second.slice() };
    this.total = new Float32Array(count);
    this.steps = stepsOf(plan);
    this.testRuns = new Set(looksOf(plan));
    this.crew = workers > 1 ? workerCrew(this.shared, workers) : soloCrew(this.shared);
  }

  /** Where the run is: a copy that later steps leave alone. */
  get state(): TrainingState {
    const { current, shared } = this;
    return {
      ...current,
      parameters: shared.parameters.slice(),
      first: current.first.slice(),
      second: current.second.slice(),
    };
  }

  get stepsDone(): number {
    return this.current.step;
  }

  get done(): boolean {
    return this.current.step >= this.steps;
  }

  /** Whether the next thing to do is a look at the test set. */
  get evaluationDue(): boolean {
    const { step, history } = this.current;
    return this.testRuns.has(step) && history.at(-1)?.step !== step;
  }

  /**
   * One step; returns the sums over its images. `onDone` is told how many of its pieces are computed.
   *
   * @throws RangeError where numbers are no longer finite; what `onDone` throws: the state is then that before the step, and what is left to do is to close the trainer
   */
  async step(onDone?: (done: number) => void): Promise<Score> {
    const { plan, shared, total, current } = this;
    const { training, model } = plan;
    const { step, running } = current;
    const jobs = Array.from(
      { length: piecesOf(training) },
      (_, piece): Job => ({ kind: 'train', step, piece }),
    );
    const scores = await orDiverged(step, this.crew.run(jobs, step, onDone));
    // Pieces are added in order, whoever computed them.
    const count = total.length;
    total.set(shared.gradients.subarray(0, count));
    for (let piece = 1; piece < jobs.length; piece++) {
      const part = shared.gradients.subarray(piece * count, (piece + 1) * count);
      for (let i = 0; i < count; i++) total[i] += part[i];
    }
    const norm = normOf(total);
    if (!Number.isFinite(norm)) throw diverged(`the gradient must be finite, got norm ${norm}`, step);
    adamwStep(
      shared.parameters,
      total,
      Math.min(1, training.clip / norm),
      current,
      step + 1,
      { ...training, rate: rateAt(step, training.rate, training.warmup, this.steps) },
      parameterParts(model),
    );
    const length = normOf(shared.parameters);
    if (!Number.isFinite(length)) throw diverged(`the parameters must be finite, got norm ${length}`, step);
    const score = sumOf(scores);
    this.current = {
      ...current,
      step: step + 1,
      running: {
        loss: running.loss + score.loss,
        correct: running.correct + score.correct,
        images: running.images + training.batch,
      },
    };
    return score;
  }

  /** Looks at the whole test set, and remembers what came of it. What `onDone` throws ends it as it does a step. */
  async evaluate(onDone?: (done: number, total: number) => void): Promise<Evaluation> {
    const { plan, shared, current } = this;
    const { step, running } = current;
    const { count } = shared.test;
    const score = await orDiverged(step, scoreOf(this.crew, plan.training.chunk, count, step, onDone));
    const evaluation = {
      step,
      images: step * plan.training.batch,
      trainLoss: running.loss / Math.max(1, running.images),
      trainAccuracy: running.correct / Math.max(1, running.images),
      testLoss: score.loss / count,
      testAccuracy: score.correct / count,
    };
    this.current = {
      ...current,
      running: { loss: 0, correct: 0, images: 0 },
      history: [...current.history, evaluation],
    };
    return evaluation;
  }

  close(): Promise<void> {
    return this.crew.close();
  }
}

const diverged = (rule: string, step: number) =>
  new RangeError(`train: ${rule} at step ${step}; lower the rate or lengthen the warm-up`);

/** What is refused inside the model because it is not finite, told as what it is in a training. */
async function orDiverged<T>(step: number, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const [, rule] = /^\w+: (.* must be finite, .*)$/.exec((error as Error).message) ?? [];
    throw rule === undefined ? error : diverged(rule, step);
  }
}

/** The score of a model on a set of images; of a large model fewer than `chunk` are looked at together. */
export async function evaluateVit(
  given: Plan,
  parameters: Float32Array,
  test: ImageSet,
  threads = 1,
  onDone?: (done: number, total: number) => void,
): Promise<Score> {
  const plan = { ...given, training: { ...given.training, chunk: chunkForLooks(given) } };
  const workers = Math.min(threads, chunksOf(test, plan.training));
  const place = workers > 1 ? sharedPlace : ownPlace;
  checkSet(plan, test, 'test');
  const shared = { plan, test: place.set(test), parameters: place.floats(parameters.length) };
  shared.parameters.set(parameters);
  const crew = workers > 1 ? workerCrew(shared, workers) : soloCrew(shared);
  try {
    return await scoreOf(crew, plan.training.chunk, test.count, 0, onDone);
  } finally {
    await crew.close();
  }
}

/** Pieces of a look at a set. */
const chunksOf = ({ count }: ImageSet, { chunk }: Recipe) => Math.ceil(count / chunk);

async function scoreOf(
  crew: Crew,
  chunk: number,
  count: number,
  version: number,
  onDone?: (done: number, total: number) => void,
): Promise<Score> {
  const jobs = Array.from(
    { length: Math.ceil(count / chunk) },
    (_, i): Job => ({ kind: 'test', start: i * chunk, end: Math.min((i + 1) * chunk, count) }),
  );
  return sumOf(await crew.run(jobs, version, (done) => onDone?.(Math.min(done * chunk, count), count)));
}

function sumOf(scores: readonly Score[]): Score {
  return scores.reduce((a, b) => ({ loss: a.loss + b.loss, correct: a.correct + b.correct }));
}

/** Where arrays lie: on this thread alone, or where workers see them. */
interface Place {
  floats(length: number): Float32Array;
  set(set: ImageSet): ImageSet;
}
const ownPlace: Place = { floats: (length) => new Float32Array(length), set: (set) => set };
const sharedPlace: Place = {
  floats: (length) => new Float32Array(new SharedArrayBuffer(length * 4)),
  set(set) {
    const shared = (bytes: Uint8Array) => {
      const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
      copy.set(bytes);
      return copy;
    };
    return { ...set, pixels: shared(set.pixels), labels: shared(set.labels) };
  },
};

function checkSets(plan: Plan, { train, test }: Sets): void {
  checkSet(plan, train, 'training');
  checkSet(plan, test, 'test');
}

function checkSet({ model }: Plan, { labels, channels }: ImageSet, name: string): void {
  if (channels !== model.channels)
    throw new RangeError(
      `train: the ${name} images must have ${model.channels} channels, they have ${channels}`,
    );
  const bad = labels.findIndex((label) => label >= model.classes);
  if (bad >= 0)
    throw new RangeError(
      `train: the ${name} labels must be below classes = ${model.classes}, got ${labels[bad]} at ${bad}`,
    );
}
