/** Which images a step sees and how they are changed: functions of the seed and the step alone, so that a run can go on anywhere. */
import { type Random, randomStream } from '../random.js';
import type { Recipe } from './plan.js';

/** Streams of one seed: 0 .. are those of the first parameters. */
const ORDERS = 2 ** 40;
const CHANGES = 2 ** 41;

/** One image of a training step. */
export interface Draw {
  /** In the training set. */
  readonly index: number;
  /** How many images came before it in the whole run. */
  readonly number: number;
}

/** The order of the images of each pass, one remembered at a time. */
export class ImageOrder {
  private pass = -1;
  private order = new Uint32Array(0);

  constructor(
    private readonly recipe: Recipe,
    /** Images of the training set. */
    readonly count: number,
  ) {}

  /** The images of piece `piece` of step `step`: the run's images in a line, cut into batches, and these into chunks. */
  piece(step: number, piece: number): Draw[] {
    const { batch, chunk } = this.recipe;
    const first = step * batch + piece * chunk;
    const last = Math.min(first + chunk, (step + 1) * batch);
    return Array.from({ length: last - first }, (_, i) => ({ number: first + i, index: this.at(first + i) }));
  }

  private at(number: number): number {
    const pass = Math.floor(number / this.count);
    if (pass !== this.pass) this.shuffle(pass);
    return this.order[number % this.count];
  }

  /** Fisher and Yates. */
  private shuffle(pass: number): void {
    const random = randomStream(this.recipe.seed, ORDERS + pass);
    this.order = Uint32Array.from({ length: this.count }, (_, i) => i);
    for (let i = this.count - 1; i > 0; i--) {
      const j = Math.floor(random.uniform() * (i + 1));
      [this.order[i], this.order[j]] = [this.order[j], this.order[i]];
    }
    this.pass = pass;
  }
}

/** Pieces of a step. */
export function piecesOf({ batch, chunk }: Recipe): number {
  return Math.ceil(batch / chunk);
}

/** The draws for the changes of an image. */
export function changesOf({ seed }: Recipe, number: number): Random {
  return randomStream(seed, CHANGES + number);
}
