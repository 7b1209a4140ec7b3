/** Where runs keep things: results for good, in the repository; checkpoints and parts of results in a cache, which may be emptied when nothing is at work. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { readJson, writeWhole } from '../cache.js';
import { hashOf, type Report, type Run } from './run.js';

/** A result and where it comes from. */
export interface Kept<Result = object> {
  readonly name: string;
  readonly config: object;
  readonly result: Result;
  /** Processor time, over all processes that took part. */
  readonly seconds: number;
  readonly processor: string;
  readonly node: string;
  readonly date: string;
}

/** The folders of one size of the experiments. */
export class Place {
  readonly #locks = new Map<Run, NodeJS.Timeout>();
  readonly #clocks = new Map<Run, Clock>();

  /**
   * @param results - of the files that are kept for good
   * @param cache - of all others
   * @param saveEvery - milliseconds between checkpoints
   * @param report - is told how far the run is
   */
  constructor(
    readonly results: string,
    readonly cache: string,
    readonly saveEvery: number,
    readonly report: (report: Report) => void = () => {},
  ) {}

  /** The result of a run, if it is there and of this configuration. */
  result<Result>(run: Run): Kept<Result> | undefined {
    const kept = readJson(this.resultPath(run)) as Kept<Result> | null | undefined;
    if (!kept?.config || !kept.result) return undefined;
    return hashOf(kept.config) === hashOf(run.config) ? kept : undefined;
  }

  private resultPath({ name }: Run): string {
    return join(this.results, `${name}.json`);
  }

  /** Works on a run to its end and keeps the result. */
  async execute(run: Run): Promise<void> {
    const clock = new Clock(this.path(run, 'seconds.json'), this.saveEvery);
    this.#clocks.set(run, clock);
    const result = await run.work(this);
    const kept: Kept = {
      name: run.name,
      config: run.config,
      result,
      seconds: Math.round(10 * clock.stop()) / 10,
      processor: cpus()[0]?.model ?? 'unknown',
      node: process.version,
      date: new Date().toISOString().slice(0, 10),
    };
    writeWhole(this.resultPath(run), `${JSON.stringify(kept)}\n`);
  }

  /** A run at work makes no use of what was done before: its time does not count. */
  beginsAnew(run: Run): void {
    this.#clocks.get(run)?.forget();
  }

  /** A file of a run in the cache. Another configuration has another folder. */
  path(run: Run, file: string): string {
    return join(this.cache, `${run.name}-${hashOf(run.config)}`, file);
  }

  /** Parts of a result that are kept as they come: each is computed once, whatever is killed in between. */
  parts<Part>(run: Run): { get(name: string, compute: () => Promise<Part> | Part): Promise<Part> } {
    const path = this.path(run, 'parts.json');
    const parts = (readJson(path) ?? {}) as Record<string, Part>;
    return {
      async get(name, compute) {
        if (!(name in parts)) {
          parts[name] = await compute();
          writeWhole(path, JSON.stringify(parts));
        }
        return parts[name];
      },
    };
  }

  /** Whether this process may work on the run: true until `unlock`, or until the process ends, to one process at a time. */
  lock(run: Run): boolean {
    const path = this.path(run, 'lock');
    mkdirSync(join(path, '..'), { recursive: true });
    const own = `${path}.${process.pid}`;
    writeFileSync(own, String(process.pid));
    try {
      removeStale(path, `${own}.stale`);
      // A link appears with its content, or not at all.
      linkSync(own, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      unlinkSync(own);
    }
    const touch = () => isOwn(path) && utimesSync(path, new Date(), new Date());
    this.#locks.set(run, setInterval(touch, TOUCH).unref());
    return true;
  }

  unlock(run: Run): void {
    clearInterval(this.#locks.get(run));
    const path = this.path(run, 'lock');
    if (isOwn(path)) rmSync(path, { force: true });
  }
}

/** Milliseconds between two signs of life of a lock's holder, and after which it is taken for dead. */
const TOUCH = 10_000;
const SILENCE = 120_000;

/** Moves a lock aside whose holder is gone, and back where another process has put its own there in between. */
function removeStale(path: string, aside: string): void {
  if (!existsSync(path) || isHeld(path)) return;
  try {
    renameSync(path, aside);
    if (isHeld(aside)) linkSync(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Whether the holder lives: another process may have got its number. */
function isHeld(path: string): boolean {
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return Date.now() - touched < SILENCE && isAlive(holderOf(path));
}

const isOwn = (path: string) => holderOf(path) === process.pid;

/** The number of the process that holds a lock; 0 where there is none. */
const holderOf = (path: string) => Number(readJson(path) ?? 0);

/** Processor time of a run, which goes on in the next process where this one is killed. */
class Clock {
  readonly #start = process.cpuUsage();
  #before: number;
  readonly #timer: NodeJS.Timeout;

  constructor(path: string, saveEvery: number) {
    this.#before = Number(readJson(path) ?? 0);
    this.#timer = setInterval(
      () => writeWhole(path, JSON.stringify(this.#now())),
      Math.max(1000, saveEvery),
    ).unref();
  }

  #now(): number {
    const { user, system } = process.cpuUsage(this.#start);
    return this.#before + (user + system) / 1e6;
  }

  /** Leaves out the processes before this one. */
  forget(): void {
    this.#before = 0;
  }

  stop(): number {
    clearInterval(this.#timer);
    return this.#now();
  }
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
