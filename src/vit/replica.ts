/** One copy of the model at work on pieces of a step or of the test set: the same on this thread and on a worker. */
import { type ImageSet, prepareImage } from './images.js';
import { crossEntropy, finiteLogits, type Score } from './loss.js';
import { attentionOperator } from './operators.js';
import { changesOf, ImageOrder } from './order.js';
import type { Plan } from './plan.js';
import { Vit } from './vit.js';

/** What all copies see; over shared memory where they are on workers. */
export interface Shared {
  readonly plan: Plan;
  readonly train?: ImageSet;
  readonly test?: ImageSet;
  readonly parameters: Float32Array;
  /** [pieces, parameters]: the gradient that each piece of a step gave. */
  readonly gradients?: Float32Array;
}

/** A piece of work. */
export type Job =
  | { readonly kind: 'train'; readonly step: number; readonly piece: number }
  | { readonly kind: 'test'; readonly start: number; readonly end: number };

/** A copy of the model. */
export class Replica {
  private readonly vit: Vit;
  private readonly order?: ImageOrder;
  private readonly images: Float32Array;
  private readonly dLogits: Float32Array;
  private step = -1;

  constructor(private readonly shared: Shared) {
    const { model, attention, training } = shared.plan;
    this.vit = new Vit(model, attentionOperator(attention, training.seed), training.chunk, {
      learns: shared.train !== undefined,
    });
    if (shared.train) this.order = new ImageOrder(training, shared.train.count);
    this.images = new Float32Array(training.chunk * model.channels * model.image[0] * model.image[1]);
    this.dLogits = new Float32Array(training.chunk * model.classes);
  }

  /** Does a piece of work; `version` tells whether the parameters have changed since the last one. */
  run(job: Job, version: number): Score {
    if (version !== this.step) this.vit.parameters.set(this.shared.parameters);
    this.step = version;
    return job.kind === 'train' ? this.train(job.step, job.piece) : this.test(job.start, job.end);
  }

  private train(step: number, piece: number): Score {
    const { vit, shared } = this;
    const { training, model } = shared.plan;
    const set = shared.train!;
    const draws = this.order!.piece(step, piece);
    const size = this.images.length / training.chunk;
    draws.forEach(({ index, number }, i) => {
      const random = changesOf(training, number);
      const out = this.images.subarray(i * size, (i + 1) * size);
      prepareImage(set, index, model, training, out, { augmentation: training, random });
    });
    const labels = draws.map(({ index }) => set.labels[index]);
    const logits = vit.forward(
      this.images.subarray(0, draws.length * size),
      draws.map(({ number }) => number),
    );
    const dLogits = this.dLogits.subarray(0, logits.length);
    const score = crossEntropy(logits, labels, training.smoothing, dLogits, 1 / training.batch);
    vit.gradients.fill(0);
    vit.backward(dLogits);
    shared.gradients!.set(vit.gradients, piece * vit.gradients.length);
    return score;
  }

  private test(start: number, end: number): Score {
    const { training, model } = this.shared.plan;
    const set = this.shared.test!;
    const size = this.images.length / training.chunk;
    const numbers = Array.from({ length: end - start }, (_, i) => start + i);
    numbers.forEach((index, i) => {
      prepareImage(set, index, model, training, this.images.subarray(i * size, (i + 1) * size));
    });
    const logits = this.vit.forward(this.images.subarray(0, numbers.length * size), numbers);
    return crossEntropy(finiteLogits(logits), set.labels.subarray(start, end), 0);
  }
}
