// Compiles src/kernels/assembly (AssemblyScript) to WASM SIMD and writes it, as base64, to src/kernels/generated/module.ts.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const kernels = fileURLToPath(new URL('../src/kernels', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'levattention-'));
const wasm = join(work, 'module.wasm');

const { error, stderr } = await asc.main([
  join(kernels, 'assembly/index.ts'),
  ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', wasm],
]);
if (error) {
  process.stderr.write(`${stderr}\nbuild-kernels: ${error.message}\n`);
  process.exit(1);
}
const base64 = readFileSync(wasm).toString('base64');
rmSync(work, { recursive: true });
mkdirSync(join(kernels, 'generated'), { recursive: true });
writeFileSync(
  join(kernels, 'generated/module.ts'),
  `/** Compiled from src/kernels/assembly by scripts/build-kernels.mjs. */\nexport const wasm =\n  '${base64}';\n`,
);
