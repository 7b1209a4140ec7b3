/** Runs examples as a user would, in a folder where the package is installed, and keeps the values that they state. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize } from 'node:v8';
import ts from 'typescript';
import { built, root } from '../packaging/built.js';
import type { Block } from './blocks.js';
import { withChecks } from './expected.js';

/** What one example did: the values at its marks, and the error that ended it. */
export interface Outcome {
  readonly values: readonly { readonly written: string; readonly value: unknown }[];
  readonly error?: string;
}

// One process for all examples. A value is copied at its mark, so that the example may change it later.
const RUNNER = `import { writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
const outcomes = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
  const outcome = { values: [] };
  globalThis.check = (written, value) => outcome.values.push({ written, value: deserialize(serialize(value)) });
  await import(\`./example-\${i}.js\`).catch((error) => { outcome.error = String(error?.stack ?? error); });
  outcomes.push(outcome);
}
writeFileSync('outcomes', serialize(outcomes));
`;

/** A new folder where the built package is installed beside the examples, as example-0.ts and so on. */
export function folderOf(examples: readonly Block[]): string {
  for (const file of ['index.js', 'io.js']) built(file);
  const folder = mkdtempSync(join(tmpdir(), 'levattention-docs-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules/levattention'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  examples.forEach(
    ({ code }, i) => void writeFileSync(join(folder, `example-${i}.ts`), `${code}\nexport {};\n`),
  );
  return folder;
}

/** What the compiler has against the examples in the folder. */
export function diagnostics(folder: string, examples: readonly Block[]): string[] {
  const program = ts.createProgram(
    examples.map((_, i) => join(folder, `example-${i}.ts`)),
    {
      ...{ strict: true, noEmit: true, skipLibCheck: true, preserveSymlinks: true },
      ...{ target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, types: ['node'] },
      typeRoots: [join(root, 'node_modules/@types')],
    },
  );
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const place = examples[Number(/example-(\d+)/.exec(file?.fileName ?? '')?.[1])]?.place ?? file?.fileName;
    return `${place}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

/** Runs the examples in the folder one after the other. */
export function outcomes(folder: string, examples: readonly Block[]): Outcome[] {
  examples.forEach(({ code }, i) => {
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    const { outputText } = ts.transpileModule(withChecks(code).code, { compilerOptions });
    writeFileSync(join(folder, `example-${i}.js`), outputText);
  });
  writeFileSync(join(folder, 'runner.js'), RUNNER);
  const { status, stderr } = spawnSync(process.execPath, ['runner.js', String(examples.length)], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the examples ended with ${status}\n${stderr}`);
  return deserialize(readFileSync(join(folder, 'outcomes')));
}
