/** What a command gets from the process that runs it: interruption, progress, and where its result goes. */
import type { CallOptions } from '../steps.js';

/** One run of the program. */
export interface Session {
  /** For every long call: the abort signal of an interrupt, and the progress line. */
  readonly call: CallOptions;
  /** Prints the result of the command, in place of the progress line. */
  print(text: string): void;
}
