/** The dense layers on WASM SIMD: arrays lie in the module's memory, so that nothing is copied between one layer and the next. */
import type { Floats } from '../keys.js';
import type { Dense, Layout as LayOut } from './dense.js';
import { dense } from './generated/dense.js';
import { type DenseExports, KernelInstance, Layout } from './module.js';

/**
 * Kernels with a memory of their own, and what `layOut` holds of it. It is called twice, first to be measured: memory that grew
 * later would take the arrays away.
 */
export function wasmDense<Held>(layOut: LayOut<Held>): { readonly kernels: Dense; readonly held: Held } {
  const instance = new KernelInstance<DenseExports>(dense);
  const { exports } = instance;
  const start = new Layout();
  const work = start.take(exports.matmulBytes());
  const measured = new Layout(start.end);
  layOut((length) => {
    measured.take(length * 4);
    return new Float32Array(0);
  });
  instance.reserve(measured.end);
  const { buffer } = exports.memory;
  const room = new Layout(start.end);

  function floats(length: number): Float32Array {
    const address = room.take(length * 4);
    if (room.end > measured.end)
      throw new RangeError(`wasmDense: the layout asks for ${room.end} bytes, it was ${measured.end} before`);
    return instance.f32(address, length);
  }

  /** The address of an array of this memory. */
  function at(data: Floats): number {
    if (data.buffer !== buffer) throw new TypeError('wasmDense: arrays must be those of these kernels');
    return data.byteOffset;
  }

  const kernels: Dense = {
    floats,
    matmul({
      a,
      b,
      c,
      m,
      n,
      depth,
      transposedA = false,
      transposedB = false,
      accumulate = false,
      ...strides
    }) {
      exports.matmul(
        at(a),
        strides.strideA ?? (transposedA ? m : depth),
        transposedA,
        at(b),
        transposedB ? depth : n,
        transposedB,
        at(c),
        strides.strideC ?? n,
        m,
        n,
        depth,
        accumulate,
        work,
      );
    },
    layerNorm({ x, rows, d, scale, shift, epsilon, y, stats }) {
      exports.layerNorm(at(x), rows, d, at(scale), at(shift), epsilon, at(y), at(stats));
    },
    layerNormBackward({ x, rows, d, scale, stats, dy, dx, dScale, dShift }) {
      exports.layerNormBackward(at(x), at(stats), at(dy), rows, d, at(scale), at(dx), at(dScale), at(dShift));
    },
    gelu: (x, y) => exports.gelu(at(x), at(y), x.length),
    geluBackward: (x, dy, dx) => exports.geluBackward(at(x), at(dy), at(dx), x.length),
    addRow: (row, y) => exports.addRow(at(row), at(y), y.length / row.length, row.length),
    addRowSums: (x, sums) => exports.addRowSums(at(x), x.length / sums.length, sums.length, at(sums)),
    copyRows: (from, strideFrom, to, strideTo, rows, d) =>
      exports.copyRows(at(from), strideFrom, at(to), strideTo, rows, d),
  };
  return { kernels, held: layOut(floats) };
}
