/** Worker threads of Node without an import of them, since the library runs in browsers too. */
import type { FromWorker, ToWorker } from './messages.js';

/** What is used of a worker of Node. */
export interface NodeWorker {
  postMessage(message: ToWorker, transfer: ArrayBuffer[]): void;
  on(event: 'message', listener: (message: FromWorker) => void): void;
  on(event: 'error' | 'messageerror', listener: (error: Error) => void): void;
  on(event: 'exit', listener: (code: number) => void): void;
  ref(): void;
  unref(): void;
  terminate(): Promise<number>;
}

/** What is used of node:worker_threads. */
export interface WorkerThreads {
  readonly Worker: new (file: URL, options: { execArgv: string[] }) => NodeWorker;
  /** In a worker: the other side. */
  readonly parentPort: {
    postMessage(message: FromWorker, transfer: ArrayBuffer[]): void;
    on(event: 'message', listener: (message: ToWorker) => void): void;
  } | null;
}

/** node:worker_threads, undefined in a browser. */
export function workerThreads(): WorkerThreads | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
  return process?.getBuiltinModule?.('node:worker_threads') as WorkerThreads | undefined;
}

/** Whether other threads can be given memory that both sides see. */
export function sharesMemory(): boolean {
  // A page that is not isolated has shared memory only by way of WebAssembly, and may not send it.
  const { SharedArrayBuffer: Shared, crossOriginIsolated = true } = globalThis;
  return Shared !== undefined && crossOriginIsolated;
}
