/** A pass of many calls of the kernels for attention: by the workers of the runner where it has any, otherwise here. */
import type { Floats } from '../keys.js';
import type { Steps } from '../steps.js';
import { type AttendKind, type AttendParts, type AttendPlans, performAttend } from './attend-task.js';
import type { AttendRun, RunResult } from './messages.js';
import { offering } from './pass.js';
import { sharesMemory } from './platform.js';
import type { Work } from './share-out.js';

/** Multiply-adds between two reports of progress. */
const STEP_WORK = 2 ** 26;
/** Multiply-adds of a run for a worker: at most some milliseconds, at least far more than a message costs. */
const MOST_WORK = 2 ** 25;
const LEAST_WORK = 2 ** 20;
/** Runs for each worker at least, so that all end at about the same time. */
const LEAST_RUNS = 4;
/** Runs for each worker that may be handed out beyond what is collected: bounds what is held. */
const MOST_AHEAD = 3;

/** The same numbers where other threads see them, if there is such memory. */
export type Share = (data: Floats) => Floats;

/** A call that is made when its turn comes, and does not depend on others. */
export interface AttendPiece<K extends AttendKind> {
  /** Queries. */
  readonly rows: number;
  /** Multiply-adds. */
  readonly work: number;
  /** The call; arrays that others use too go through `share`. */
  plan(share: Share): AttendPlans[K];
  /** Where a call on this thread may leave what it gives; then nothing is collected. */
  readonly into?: AttendParts[K];
  collect(part: AttendParts[K]): void;
}

/** Counts what is done over several passes, so that small ones share one step. */
export interface Pace {
  readonly phase: string;
  readonly total: number;
  done: number;
  work: number;
}

/** Makes the calls; what they give is collected in their order, so the result does not depend on who made them. */
export function* passOverCalls<K extends AttendKind>(
  kind: K,
  pieces: readonly AttendPiece<K>[],
  pace: Pace,
): Steps<void> {
  const { phase, total } = pace;
  const work = pieces.reduce((sum, piece) => sum + piece.work, 0);
  if (pieces.length > 1 && work >= 2 * LEAST_WORK) {
    const offered = offering({ phase, done: pace.done, total }, (threads) =>
      workOf(kind, pieces, pace, threads, work),
    );
    yield offered.step;
    if (offered.taken) return;
  }
  for (const piece of pieces) {
    const part = performAttend[kind](
      piece.plan((data) => data),
      piece.into,
    );
    if (!piece.into) piece.collect(part);
    pace.done += piece.rows;
    pace.work += piece.work;
    if (pace.work < STEP_WORK) continue;
    pace.work = 0;
    yield { phase, done: pace.done, total };
  }
}

/** The pieces in runs of several. */
function workOf<K extends AttendKind>(
  kind: K,
  pieces: readonly AttendPiece<K>[],
  pace: Pace,
  threads: number,
  total: number,
): Work {
  const most = Math.max(LEAST_WORK, Math.min(MOST_WORK, total / threads / LEAST_RUNS));
  const runs: AttendPiece<K>[][] = [];
  let room = 0;
  for (const piece of pieces) {
    if (room <= 0) {
      runs.push([]);
      room = most;
    }
    runs[runs.length - 1].push(piece);
    room -= piece.work;
  }
  const share = sharing();
  return {
    phase: pace.phase,
    total: pace.total,
    runs: runs.length,
    ahead: MOST_AHEAD,
    task: { kind },
    input(index) {
      const transfer: ArrayBuffer[] = [];
      const input = runs[index].map((piece) => sendable(piece.plan(share), transfer));
      return { input: input as AttendRun, transfer };
    },
    collect(part: RunResult, index) {
      runs[index].forEach((piece, i) => {
        piece.collect((part as readonly AttendParts[K][])[i]);
        pace.done += piece.rows;
      });
      return pace.done;
    },
  };
}

/** Copies each array once into shared memory; leaves it alone where there is none. */
function sharing(): Share {
  const copies = new Map<Floats, Floats>();
  return (data) => {
    if (!sharesMemory() || data.buffer instanceof SharedArrayBuffer) return data;
    let copy = copies.get(data);
    if (!copy) {
      const buffer = new SharedArrayBuffer(data.byteLength);
      copy = data instanceof Float32Array ? new Float32Array(buffer) : new Float64Array(buffer);
      copy.set(data);
      copies.set(data, copy);
    }
    return copy;
  };
}

/** A plan whose arrays may be sent: those in shared memory as they are, all others copied and given away. */
function sendable<Plan extends object>(plan: Plan, transfer: ArrayBuffer[]): Plan {
  const entries = Object.entries(plan).map(([name, value]) => {
    if (ArrayBuffer.isView(value)) return [name, alone(value as Floats, transfer)];
    if (name === 'mask' && value) return [name, sendable(value as object, transfer)];
    return [name, value];
  });
  return Object.fromEntries(entries) as Plan;
}

function alone<Data extends Floats | Uint8Array | Uint32Array>(data: Data, transfer: ArrayBuffer[]): Data {
  if (sharesMemory() && data.buffer instanceof SharedArrayBuffer) return data;
  const copy = data.slice() as Data;
  transfer.push(copy.buffer as ArrayBuffer);
  return copy;
}
