/** The most memory that each way to compute attention needs, forward, and forward and backward. */
import {
  type AttentionCase,
  type AttentionData,
  type AttentionResult,
  attentionData,
  type Pass,
  passes,
} from './attention-data.js';
import type { Contestant } from './measure.js';
import { exactAttention, levAttention } from './own-attention.js';
import { type Peak, peakOf, peakTable } from './peak-table.js';
import { jaxAttention } from './peers/jax-attention.js';
import { attentionGraphs } from './peers/onnx-graph.js';
import { onnxruntimeAttention, onnxruntimePackages } from './peers/onnxruntime.js';
import { startPeer } from './peers/process.js';
import type { Setting } from './peers/setup.js';
import { tensorflowAttention } from './peers/tensorflow.js';
import { FUSED, loadTorch, TORCH_SCRIPT, torchAbsent, torchRun } from './peers/torch-attention.js';
import type { Table } from './results.js';

/** Those of a process of Node; every graph of onnxruntime by itself, as the fastest is not always the smallest. */
export function attentionWays(
  data: AttentionData,
  pass: Pass,
  packages?: string,
): Contestant<AttentionResult>[] {
  const graphs = onnxruntimePackages.flatMap((engine) =>
    attentionGraphs.map((graph) => {
      const what = `exact: ${graph.name}`;
      return onnxruntimeAttention(engine, packages, 1, data, { what, graphs: [graph] });
    }),
  );
  return [
    levAttention(data, pass, 128),
    levAttention(data, pass, 32),
    levAttention(data, pass, 128, { tail: 'clusters' }),
    exactAttention(data, pass),
    ...(pass === 'forward' ? graphs : []),
    jaxAttention(packages, data, pass),
    tensorflowAttention(packages, data, pass),
  ];
}

export async function attentionMemory(
  title: string,
  each: AttentionCase,
  { packages, python, folder, say }: Setting,
): Promise<Table> {
  say(title);
  const measured = new Map<string, Record<string, Peak>>();
  const note = (name: string, pass: Pass, peak: Peak) => {
    measured.set(name, { ...measured.get(name), [pass]: peak });
  };
  for (const pass of passes) {
    for (const { name, absent } of attentionWays(attentionData({ heads: 1, n: 1, d: 1 }), pass, packages))
      note(name, pass, absent ?? peakOf([name, String(each.n), String(each.d), pass]));
    note('PyTorch, exact: fused', pass, await torchPeak(python, each, pass, folder));
  }
  return peakTable(title, [...measured]);
}

async function torchPeak(
  python: Setting['python'],
  each: AttentionCase,
  pass: Pass,
  folder: string,
): Promise<Peak> {
  const absent = torchAbsent(python);
  if (!('python' in python) || absent !== undefined) return absent ?? 'not installed';
  const peer = startPeer(python.python, TORCH_SCRIPT, 1);
  try {
    // The first run loads what the library loads once; it is too small to leave free memory behind.
    await loadTorch(peer, attentionData({ heads: 1, n: 8, d: each.d }), folder);
    await peer.call('run', torchRun(FUSED, pass, 8));
    await loadTorch(peer, attentionData(each), folder);
    return (await peer.call<{ bytes: number }>('peak', torchRun(FUSED, pass, each.n))).bytes;
  } catch (error) {
    return `failed: ${(error as Error).message}`;
  } finally {
    peer.close();
  }
}
