/** The module of the dense layers of a network: matrix products and what comes between them. */
export { addRow, addRowSums, copyRows, gelu, geluBackward, layerNorm, layerNormBackward } from './elementwise';
export { matmul, matmulBytes } from './matmul';
