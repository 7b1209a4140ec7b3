/** Whether a model, its gradients and what it computes find room in memory. */
import { activationsFor } from './activations.js';
import type { VitShape } from './config.js';
import { parameterCount } from './parameters.js';
import type { Plan } from './plan.js';

/** What WASM can hold in float32, less some room for the kernels. */
const MOST_NUMBERS = 2 ** 30 - 2 ** 22;

/** The gradients of all pieces of a step: 8 GiB. */
const MOST_GRADIENTS = 2 ** 31;

/**
 * Refuses a plan that no training has room for.
 *
 * @throws RangeError in one line that says what must be smaller
 */
export function checkRoom({ model, training: { batch, chunk } }: Plan, where: string): void {
  const count = parameterCount(model);
  const numbers = 2 * count + activationNumbers(model, chunk);
  if (numbers > MOST_NUMBERS)
    throw new RangeError(
      `${where}: ${chunk > 1 ? 'chunk' : 'the model'} must be smaller: the model, its gradients and ${chunk} images at a time take ${gigabytes(numbers)} of ${gigabytes(MOST_NUMBERS)}`,
    );
  const pieces = Math.ceil(batch / chunk);
  if (pieces * count > MOST_GRADIENTS)
    throw new RangeError(
      `${where}: batch / chunk must be smaller: the gradients of ${pieces} pieces take ${gigabytes(pieces * count)} of ${gigabytes(MOST_GRADIENTS)}`,
    );
}

/** The most images, up to the chunk of the plan, that a model without gradients takes at a time. */
export function chunkForLooks({ model, training }: Plan): number {
  let images = training.chunk;
  while (images > 1 && parameterCount(model) + activationNumbers(model, images) > MOST_NUMBERS)
    images = Math.ceil(images / 2);
  return images;
}

function activationNumbers(shape: VitShape, images: number): number {
  let numbers = 0;
  activationsFor(shape, images, (length) => {
    numbers += length;
    return new Float32Array(0);
  });
  return numbers;
}

/** Of float32 numbers. */
const gigabytes = (numbers: number) => `${((4 * numbers) / 2 ** 30).toFixed(1)} GiB`;
