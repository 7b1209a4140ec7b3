/** The functions for blocks of rows, one of the modules that scripts/build-kernels.mjs compiles, beside attend.ts and backward.ts. */
export * from './blocks';
export * from './quadratic';
