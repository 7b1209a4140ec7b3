/** The functions for blocks of rows, one of the two modules that scripts/build-kernels.mjs compiles; attend.ts is the other. */
export * from './blocks';
export * from './quadratic';
