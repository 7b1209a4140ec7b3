/** Where captures and results are kept between runs, and how a file gets there: whole, or not at all. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../src/cli/file-source.js';

/** The folder that LEVATTENTION_STUDY names, else one in the user's cache. */
export function studyFolder(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.LEVATTENTION_STUDY || join(cache, 'levattention');
}

/** Writes a file, and the folder that it is in. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileAtomic(path, [content]);
}

/** What a file of JSON holds; undefined where it is not there or damaged. */
export function readJson(path: string): unknown {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
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
