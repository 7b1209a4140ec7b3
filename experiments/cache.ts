/** Where captures and results are kept between runs, and how a file gets there: whole, or not at all. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** The folder that LEVATTENTION_STUDY names, else one in the user's cache. */
export function studyFolder(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.LEVATTENTION_STUDY || join(cache, 'levattention');
}

/** Writes to a temporary name beside the path, then renames. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  makeWhole(path, (part) => writeFileSync(part, content));
}

/** Lets `make` write a temporary name beside the path, then renames. */
export function makeWhole(path: string, make: (part: string) => void): void {
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  try {
    make(part);
    renameSync(part, path);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}
