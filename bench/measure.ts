/** Measures contestants in turns, so that each ratio comes from one run and a slow minute of the machine hits all of them. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Times in milliseconds by what was timed: {time: 20.4}. */
export type Laps = Readonly<Record<string, number>>;

/** One computation: how long it took, and what came out, which is asked for after the last one only. */
export interface Run<Result> {
  readonly laps: Laps;
  result(): Result | Promise<Result>;
}

/** One way to compute the answer of a case. */
export interface Contestant<Result> {
  readonly name: string;
  readonly threads: number;
  /** Why it cannot take part. */
  readonly absent?: string;
  /** Makes everything ready that is not to be timed, and chooses among several forms of the same computation. */
  prepare(): Promise<Prepared<Result>>;
}

/** A contestant at the start. */
export interface Prepared<Result> {
  /** The form that was chosen. */
  readonly form?: string;
  run(): Promise<Run<Result>>;
  /** About how many milliseconds a run takes, by a small part of one; where a run may be too long to be tried. */
  estimate?(): Promise<number>;
  /** Lets go of what it holds. */
  close?(): Promise<void>;
}

/** The times of a contestant, or why there are none. */
export interface Timing<Result> {
  readonly form?: string;
  readonly laps: readonly Laps[];
  readonly result?: Result;
  readonly absent?: string;
}

/** How long a race may take. */
export interface RaceOptions {
  /** A contestant that has run for this long takes part in no further round; for three rounds it may take three times as long. */
  readonly seconds: number;
  readonly rounds: number;
  /** Whether each runs once before anything is timed. */
  readonly warmUp: boolean;
}

/** Rounds below which a median says little. */
const FEW_ROUNDS = 3;

/** A run that would take longer is not begun. */
const LONGEST_RUN_MS = 60_000;

/** One that takes longer has no need of a warm-up. */
const LONGEST_WARM_UP_MS = 5000;

/** Threads of a peer spin for some 30 ms before they sleep; nobody is measured beside them. */
const PAUSE_MS = 50;

/** A contestant that is not there, for its row in the table. */
export function absentee<Result>(name: string, threads: number, absent: string): Contestant<Result> {
  return { name, threads, absent, prepare: () => Promise.reject(new Error(absent)) };
}

/** Lets each contestant run once a round. One that fails is absent, with its reason. */
export async function race<Result>(
  contestants: readonly Contestant<Result>[],
  { seconds, rounds, warmUp }: RaceOptions,
): Promise<Timing<Result>[]> {
  const runners = contestants.map((contestant) => new Runner(contestant));
  for (const runner of runners) await runner.prepare(warmUp);
  for (let round = 0; round < rounds; round++)
    for (const runner of runners)
      if (runner.spent <= seconds * 1000 * (round < FEW_ROUNDS ? FEW_ROUNDS : 1)) await runner.run();
  const timings: Timing<Result>[] = [];
  for (const runner of runners) timings.push(await runner.finish());
  return timings;
}

class Runner<Result> {
  spent = 0;
  private readonly laps: Laps[] = [];
  private prepared?: Prepared<Result>;
  private last?: Run<Result>;
  private absent?: string;

  constructor(private readonly contestant: Contestant<Result>) {
    this.absent = contestant.absent;
  }

  async prepare(warmUp: boolean): Promise<void> {
    await this.attempt(async () => {
      this.prepared = await this.contestant.prepare();
      const estimate = (await this.prepared.estimate?.()) ?? 0;
      if (estimate > LONGEST_RUN_MS) this.absent = `not run: would take some ${roundSeconds(estimate)} s`;
      else if (warmUp && estimate <= LONGEST_WARM_UP_MS) await this.prepared.run();
    });
  }

  async run(): Promise<void> {
    await this.attempt(async () => {
      if (!this.prepared) return;
      await sleep(PAUSE_MS);
      const start = performance.now();
      this.last = await this.prepared.run();
      this.spent += performance.now() - start;
      this.laps.push(this.last.laps);
    });
  }

  async finish(): Promise<Timing<Result>> {
    const result = await this.attempt(async () => this.last?.result());
    await this.prepared?.close?.();
    return { form: this.prepared?.form, laps: this.laps, result, absent: this.absent };
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    if (this.absent !== undefined) return undefined;
    try {
      return await work();
    } catch (error) {
      this.absent = `failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
      return undefined;
    }
  }
}

/** Two digits. */
function roundSeconds(milliseconds: number): string {
  return Number((milliseconds / 1000).toPrecision(2)).toLocaleString('en');
}

/** How long a call takes, in milliseconds, and what it returns. */
export async function timed<T>(work: () => T | Promise<T>): Promise<{ milliseconds: number; value: T }> {
  const start = performance.now();
  const value = await work();
  return { milliseconds: performance.now() - start, value };
}

/** The middle one, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** A form that has been tried for this long is tried no more. */
const TRY_MS = 1000;

/** The form that is fastest in the best of three tries, of one where that takes long; one that fails is out. */
export async function fastest<Form>(
  forms: readonly Form[],
  milliseconds: (form: Form) => Promise<number>,
): Promise<Form> {
  if (forms.length === 1) return forms[0];
  let best: { readonly form: Form; readonly time: number } | undefined;
  let failure: unknown;
  for (const form of forms) {
    let spent = 0;
    try {
      for (let attempt = 0; attempt < 3 && spent < TRY_MS; attempt++) {
        const time = await milliseconds(form);
        spent += time;
        if (!best || time < best.time) best = { form, time };
      }
    } catch (error) {
      failure = error;
    }
  }
  if (!best) throw failure;
  return best.form;
}
