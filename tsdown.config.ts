import { defineConfig } from 'tsdown';

const shared = { format: 'esm', target: 'es2022', dts: false, sourcemap: false } as const;

export default defineConfig([
  // The library: no dependency, the same files in Node and in a browser.
  { ...shared, entry: { index: 'src/index.ts', io: 'src/io/index.ts' }, platform: 'neutral', dts: true, clean: true },
  // The command line: one file with its argument parser and its plotting library inside.
  { ...shared, entry: { cli: 'src/cli/index.ts' }, platform: 'node', clean: false, outExtensions: () => ({ js: '.js' }), noExternal: [/.*/] },
]);
