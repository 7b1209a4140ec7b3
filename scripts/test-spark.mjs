// Runs the tests on a real Apache Spark: npm run test:spark. Without Java there are none. The last line is "N passed, M failed".
import { javaAbsent } from '../test/spark/java.mjs';
import { lastLine, tests } from './vitest-run.mjs';

const absent = javaAbsent();
if (absent !== undefined) console.log(`skipped: ${absent}`);
const counts = absent === undefined ? tests('--config vitest.spark.config.ts') : { passed: 0, failed: 0 };
console.log(`\n${lastLine(counts)}`);
process.exitCode = counts.failed > 0 ? 1 : 0;
