import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts', 'experiments/**/*.test.ts'],
    // npm run test:spark, which needs Java.
    exclude: ['test/spark/**', '**/node_modules/**'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // On two cores vitest would use one otherwise.
    maxWorkers: '100%',
  },
});
