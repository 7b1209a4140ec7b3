/** How far a long command is: one line on the terminal that is replaced and, at the end, removed. */
import type { Progress } from '../steps.js';
import { seconds, thousands } from './text.js';

/** The terminal as far as progress needs it; `process.stderr` is one. */
export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Nothing is shown of commands that end within this many milliseconds. */
const patience = 1000;
const interval = 100;

/** `45 %  3,100,000/s  12 s left`, as far as it is known. */
function pace({ done, total }: Progress, first: { done: number; at: number }, now: number): string {
  const share = total > 0 ? `${Math.min(100, Math.floor((100 * done) / total))} %`.padStart(6) : '';
  const elapsed = (now - first.at) / 1000;
  const rate = (done - first.done) / elapsed;
  if (!(elapsed > 0.5 && rate > 0)) return share;
  const left = total > done ? `  ${seconds((total - done) / rate)} left` : '';
  return `${share}  ${thousands(Math.round(rate))}/s${left}`;
}

/** A line of progress: give it reports, and remove it before other output. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #started: number;
  #shown = 0;
  #visible = false;
  #phase = { name: '', done: 0, at: 0, last: 0 };

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
    this.#started = now();
  }

  /** Shows a report, with units a second and the time left of its phase; files and pipes are left alone. */
  readonly report = (progress: Progress): void => {
    const now = this.#now();
    const { phase, done } = progress;
    // A phase that begins anew, for the next head or round, is another one.
    if (phase !== this.#phase.name || done < this.#phase.last)
      this.#phase = { name: phase, done, at: now, last: done };
    this.#phase.last = done;
    if (!this.#terminal.isTTY || now - this.#started < patience || now - this.#shown < interval) return;
    this.#shown = now;
    this.#visible = true;
    const { note } = progress;
    const end = note === undefined ? '' : `  ${note}`;
    this.#terminal.write(`\r\u001b[K${phase}${pace(progress, this.#phase, now)}${end}`);
  };

  /** Removes the line. */
  clear(): void {
    if (this.#visible) this.#terminal.write('\r\u001b[K');
    this.#visible = false;
  }
}
