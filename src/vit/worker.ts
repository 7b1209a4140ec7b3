/** The worker's side of a crew: a copy of the model that does the pieces it is sent. */
import { workerThreads } from '../kernels/platform.js';
import type { FromCrew, ToCrew } from './crew.js';
import { Replica } from './replica.js';

/** The other side. */
interface Port {
  on(event: 'message', listener: (message: ToCrew) => void): void;
  postMessage(message: FromCrew): void;
}

const port = workerThreads()!.parentPort as unknown as Port;
let replica: Replica | undefined;

port.on('message', (message) => {
  try {
    if ('shared' in message) replica = new Replica(message.shared);
    else port.postMessage({ score: replica!.run(message.job, message.version) });
  } catch (error) {
    port.postMessage({ error: error instanceof Error ? error : new Error(String(error)) });
  }
});
