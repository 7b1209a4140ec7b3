import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeNpy, writeNpz, writeSafetensors } from './index.js';

/** Set PYTHON to an interpreter that has NumPy and safetensors. */
const python = process.env.PYTHON ?? 'python3';
const has = (module: string): boolean => spawnSync(python, ['-c', `import ${module}`]).status === 0;

/** Runs Python in a folder with these files, and gives what it prints as JSON. */
function run(files: Record<string, Uint8Array>, program: string): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'levattention-io-'));
  try {
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
    const { stdout, stderr } = spawnSync(python, ['-c', program], { cwd: folder, encoding: 'utf8' });
    expect(stderr).toBe('');
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const single = { data: Float32Array.of(0.1, -2, 3e38, 4, 5, 6), shape: [3, 2] };
const double = { data: Float64Array.of(Math.PI, -1e-300), shape: [1, 1, 1, 2] };
const indices = { data: BigInt64Array.of(1n, 2n ** 40n), shape: [2] };
const describe = `lambda a: [a.dtype.str, list(a.shape), a.astype('f8').ravel().tolist()]`;
const expected = {
  single: ['<f4', [3, 2], [...single.data]],
  double: ['<f8', [1, 1, 1, 2], [...double.data]],
  indices: ['<i8', [2], [1, 2 ** 40]],
};

it.skipIf(!has('numpy'))('NumPy reads what we write (skipped where python3 has no NumPy)', () => {
  const files = {
    'single.npy': writeNpy(single),
    'half.npy': writeNpy(single, { dtype: 'F16' }),
    'all.npz': writeNpz({ single, double, indices, Größe: single }),
  };
  const program = `
import json, numpy as np, zipfile
of = ${describe}
z = np.load('all.npz')
print(json.dumps([of(np.load('single.npy')), of(np.load('half.npy'))[:2], {n: of(z[n]) for n in z.files},
                  zipfile.ZipFile('all.npz').testzip()]))`;
  expect(run(files, program)).toEqual([
    expected.single,
    ['<f2', [3, 2]],
    { ...expected, Größe: expected.single },
    null,
  ]);
});

it.skipIf(!has('numpy, safetensors'))('safetensors reads what we write (skipped where it is missing)', () => {
  const files = {
    'all.safetensors': writeSafetensors({ single, double, indices }, { metadata: { made: 'here "é"' } }),
    'half.safetensors': writeSafetensors({ half: single }, { dtype: 'F16' }),
    'brain.safetensors': writeSafetensors({ brain: single }, { dtype: 'BF16' }),
  };
  const program = `
import json, safetensors, safetensors.numpy as st
of = ${describe}
print(json.dumps([{n: of(a) for n, a in st.load_file('all.safetensors').items()},
                  safetensors.safe_open('all.safetensors', 'np').metadata(),
                  of(st.load_file('half.safetensors')['half'])[:2],
                  safetensors.safe_open('brain.safetensors', 'np').get_slice('brain').get_dtype()]))`;
  expect(run(files, program)).toEqual([expected, { made: 'here "é"' }, ['<f2', [3, 2]], 'BF16']);
});
