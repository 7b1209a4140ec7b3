/** The results so far: one file for each key head, written whole after every combination, so that a run goes on where another was killed. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { studyFolder, writeWhole } from './cache.js';
import type { Loss } from './measure.js';

/** The code that makes pairs, as eight digits: results of other code are kept and used, but counted, see `--again`. */
export const CODE = hashOf(['tail', 'selectors', 'k-means.ts', 'lloyd.ts', 'rows.ts'], '../src/attention/');

/** What was measured of one combination with one number of pairs. */
export interface Cell {
  /** One for each query head. */
  readonly losses: readonly Loss[];
  /** Milliseconds until the pairs are there: choice of keys and tail. */
  readonly milliseconds: number;
  /** CODE when it was measured. */
  readonly code: string;
}

/** The results of one key head, by combination and pairs. */
export class HeadResults {
  readonly #path: string;
  readonly #cells: Record<string, Cell>;

  constructor(capture: string, layer: number, head: number) {
    this.#path = join(studyFolder(), 'study', capture, `layer${layer}-head${head}.json`);
    this.#cells = existsSync(this.#path) ? JSON.parse(readFileSync(this.#path, 'utf8')) : {};
  }

  get(combination: string, pairs: number): Cell | undefined {
    return this.#cells[`${combination} ${pairs}`];
  }

  set(combination: string, pairs: number, cell: Omit<Cell, 'code'>): void {
    this.#cells[`${combination} ${pairs}`] = { ...cell, code: CODE };
  }

  save(): void {
    writeWhole(this.#path, JSON.stringify(this.#cells));
  }
}

/** Of the sources in some files and folders, without what is for tests alone. */
function hashOf(names: readonly string[], base: string): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    if (statSync(path).isDirectory()) for (const name of readdirSync(path).sort()) add(join(path, name));
    else if (!/\b(test|testing)\.ts$/.test(path)) hash.update(readFileSync(path));
  };
  for (const name of names) add(fileURLToPath(new URL(base + name, import.meta.url)));
  return hash.digest('hex').slice(0, 8);
}
