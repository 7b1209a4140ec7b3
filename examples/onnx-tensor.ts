/** Tensors of onnxruntime and transformers.js as they are, without a copy: npx tsx examples/onnx-tensor.ts */
import { readFileSync } from 'node:fs';
// What onnxruntime-node and onnxruntime-web have in common.
import { Tensor } from 'onnxruntime-common';

// In a project of your own: from 'levattention' and 'levattention/io'.
import { universalSetAsync } from '../src/index.js';
import { readTensor } from '../src/io/index.js';

// What a session returns for its cache, as session.run(...)['present.0.key'] is. Here from a file.
const file = readFileSync(new URL('data/stories260k.safetensors', import.meta.url));
const { data, shape } = await readTensor(file, 'layer0.k');
const present: Tensor = new Tensor('float32', Float32Array.from(data), shape);

// The asynchronous form lets a page paint and a server answer meanwhile, and can be stopped.
const sets = await universalSetAsync(present, { epsilon: 0.05, signal: AbortSignal.timeout(60_000) });
if ('heads' in sets)
  for (const { head, indices, n, sizeBound } of sets.heads)
    console.log(`head ${head}: ${indices.length} of ${n} keys, at most ${sizeBound}`);
