/** The functions of the module that scripts/build-kernels.mjs compiles. */
export * from './attend';
export * from './blocks';
export * from './quadratic';
