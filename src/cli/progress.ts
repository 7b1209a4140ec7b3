/** How far a long command is: one line on the terminal that is replaced and, at the end, removed. */
import type { Progress } from '../steps.js';

/** The terminal as far as progress needs it; `process.stderr` is one. */
export interface Terminal {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Nothing is shown of commands that end within this many milliseconds. */
const patience = 1000;
const interval = 100;

/** A line of progress: give it reports, and remove it before other output. */
export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #started: number;
  #shown = 0;
  #visible = false;

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
    this.#started = now();
  }

  /** Shows a report; files and pipes are left alone. */
  readonly report = ({ phase, done, total }: Progress): void => {
    const now = this.#now();
    if (!this.#terminal.isTTY || now - this.#started < patience || now - this.#shown < interval) return;
    this.#shown = now;
    this.#visible = true;
    const share = total > 0 ? `${Math.min(100, Math.floor((100 * done) / total))} %`.padStart(6) : '';
    this.#terminal.write(`\r\u001b[K${phase}${share}`);
  };

  /** Removes the line. */
  clear(): void {
    if (this.#visible) this.#terminal.write('\r\u001b[K');
    this.#visible = false;
  }
}
