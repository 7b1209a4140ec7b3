import { defineConfig } from 'vitest/config';

// npm run test:spark: one after the other, as they share a cluster and the cores of this machine.
export default defineConfig({
  test: {
    include: ['test/spark/**/*.test.ts'],
    testTimeout: 600_000,
    hookTimeout: 900_000,
    maxWorkers: 1,
  },
});
