/** Products in TensorFlow.js with a gradient of our own: the one that it brings is up to ten times slower. */

/** The part of its interface that products need, over its tensors. */
interface Products<T> {
  matMul(a: T, b: T): T;
  transpose(a: T): T;
  customGrad(
    work: (
      a: T,
      b: T,
      save: (kept: readonly T[]) => void,
    ) => { value: T; gradFunc: (dOut: T, saved: readonly T[]) => T[] },
  ): (a: T, b: T) => T;
}

/** a b of matrices. Products of stacks of matrices, and those that transpose as they go, which its own gradient uses, are up to ten times slower. */
export function quickProduct<T>(tf: Products<T>): (a: T, b: T) => T {
  return tf.customGrad((a, b, save) => {
    save([a, b]);
    return {
      value: tf.matMul(a, b),
      gradFunc: (dOut, [a, b]) => [tf.matMul(dOut, tf.transpose(b)), tf.matMul(tf.transpose(a), dOut)],
    };
  });
}
