/** Tensors in .npy, .npz and .safetensors files, read block by block or whole, and written: the entry `levattention/io`. */
export type { Floats, KeyMatrix, Tensor } from '../keys.js';
export { type ByteSource, FormatError, type Room } from './bytes.js';
export type { FloatType } from './elements.js';
export type { FileTensor } from './file-tensor.js';
export { writeNpy } from './npy.js';
export { writeNpz } from './npz.js';
export { openTensor, openTensors, readTensor } from './open.js';
export { parseReference, type Reference } from './reference.js';
export { type SafetensorsOptions, writeSafetensors } from './safetensors.js';
export type { TensorFile } from './tensor-file.js';
export type { ArrayToWrite, WriteOptions } from './write.js';
