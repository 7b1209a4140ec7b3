import { defineConfig } from 'tsdown';
import { bundledLicenses } from './scripts/bundled-licenses.js';

// No source maps: what is written is readable, and without them the package stays small.
const shared = {
  format: 'esm',
  target: 'es2022',
  fixedExtension: false,
  checks: { pluginTimings: false },
} as const;

/** For files that nobody reads or bundles: without white space or comments. */
const packed = { compress: false, mangle: false, codegen: true } as const;

export default defineConfig([
  // The library and its workers: no dependency, the same files in Node and in a browser.
  {
    ...shared,
    entry: { index: 'src/index.ts', io: 'src/io/index.ts', worker: 'src/kernels/worker.ts' },
    platform: 'neutral',
    dts: true,
    // Names, lines and comments stay; constants that nobody reads go, which bundlers keep.
    minify: {
      compress: {
        target: 'es2022',
        joinVars: false,
        sequences: false,
        keepNames: { function: true, class: true },
      },
      mangle: false,
      codegen: false,
    },
  },
  // What the workers of a training run do, apart so that the library's own files stay as they are.
  {
    ...shared,
    entry: { 'vit-worker': 'src/vit/worker.ts' },
    platform: 'neutral',
    dts: false,
    clean: false,
    minify: packed,
    outputOptions: { codeSplitting: false },
  },
  // The command line: one file with its argument parser, its plotting library and its readers of Parquet inside.
  {
    ...shared,
    entry: { cli: 'src/cli/index.ts' },
    platform: 'node',
    dts: false,
    clean: false,
    deps: { alwaysBundle: [/.*/], onlyBundle: false },
    minify: packed,
    outputOptions: { codeSplitting: false },
    plugins: [bundledLicenses('cli.LICENSES.txt')],
    // What `levattention spark` hands to Spark.
    copy: ['src/cluster/levattention_spark.py'],
  },
]);
