// Compiles src/kernels/assembly/*.ts (AssemblyScript) to WASM SIMD and writes it, as base64, to src/kernels/generated/NAME.ts.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import asc from 'assemblyscript/asc';

const root = new URL('..', import.meta.url).pathname;
const source = join(root, 'src/kernels/assembly');
const target = join(root, 'src/kernels/generated');
mkdirSync(target, { recursive: true });

for (const file of readdirSync(source).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))) {
  const name = basename(file, '.ts');
  const wasm = join(tmpdir(), `levattention-${process.pid}-${name}.wasm`);
  const { error, stderr } = await asc.main([
    join(source, file),
    ...['-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--outFile', wasm],
  ]);
  if (error) {
    process.stderr.write(`${stderr}\nbuild-kernels: ${file} does not compile\n`);
    process.exit(1);
  }
  const base64 = readFileSync(wasm).toString('base64');
  rmSync(wasm);
  writeFileSync(join(target, `${name}.ts`), `/** Compiled from assembly/${file} by scripts/build-kernels.mjs. */\nexport const ${name} =\n  '${base64}';\n`);
}
