// Compiles src/kernels/assembly (AssemblyScript) to WASM SIMD and writes it, in hexadecimal, to src/kernels/generated.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const kernels = fileURLToPath(new URL('../src/kernels', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'levattention-'));
const wasm = join(work, 'module.wasm');

mkdirSync(join(kernels, 'generated'), { recursive: true });
// Modules apart, so that nobody carries what he does not need.
for (const name of ['rows', 'leverage', 'attend', 'backward', 'cluster', 'dense']) {
  const { error, stderr } = await asc.main([
    join(kernels, `assembly/${name}.ts`),
    ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', wasm],
  ]);
  if (error) {
    process.stderr.write(`${stderr}\nbuild-kernels: ${error.message}\n`);
    process.exit(1);
  }
  // Digits that stay aligned with the bytes: gzip makes them a fifth smaller than base64.
  const hex = readFileSync(wasm).toString('hex');
  writeFileSync(
    join(kernels, `generated/${name}.ts`),
    `/** Compiled from src/kernels/assembly by scripts/build-kernels.mjs. */\nexport const ${name} =\n  '${hex}';\n`,
  );
}
rmSync(work, { recursive: true });
