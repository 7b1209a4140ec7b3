/** What the command line says and returns when it cannot do what was asked: one line and an exit code, never a stack trace. */
import { CommanderError } from 'commander';
import { FormatError } from '../io/index.js';

/** Exit codes, as `--help` documents them. */
export const exitCode = { done: 0, input: 1, usage: 2, internal: 70, cancelled: 130 } as const;

/** The paragraph of `--help` on exit codes. */
export const exitCodesHelp = `
Exit codes: 0 done, 1 a file or its numbers cannot be used, 2 wrong options, 130 interrupted,
70 a mistake of the program itself (LEVATTENTION_STACK=1 shows where).`;

/** An option or argument that cannot be meant. */
export class UsageError extends Error {}

/** A file, or numbers in it, that cannot be used. */
export class InputError extends Error {}

/** An interrupt after something was written. */
export class Interrupted extends Error {}

/** What is printed, and what the process returns. */
export interface Failure {
  readonly line: string;
  readonly code: number;
}

/** What the errors of the file system mean for its user; any other is told in its own words. */
const fileRules: Partial<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file, a part of its path is not a folder',
  EISDIR: 'is a folder, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no space left on the disk',
  EROFS: 'the disk cannot be written to',
};

/** What to say about an error of any origin; `command` is the one that failed, such as `find`. */
export function failureOf(error: unknown, command: string): Failure {
  const { text, code } = describe(error);
  const program = command ? `levattention ${command}` : 'levattention';
  const hint = error instanceof CommanderError ? ` (see ${program} --help)` : '';
  return { line: `${program}: ${oneLine(text)}${hint}`, code };
}

function describe(error: unknown): { text: string; code: number } {
  if (error instanceof UsageError) return { text: error.message, code: exitCode.usage };
  if (error instanceof InputError) return { text: error.message, code: exitCode.input };
  if (error instanceof Interrupted) return { text: error.message, code: exitCode.cancelled };
  if (error instanceof CommanderError)
    return { text: error.message.replace(/^error: /, ''), code: exitCode.usage };
  if (!(error instanceof Error)) return { text: `internal error: ${String(error)}`, code: exitCode.internal };
  if (error.name === 'AbortError')
    return { text: 'interrupted, nothing was written', code: exitCode.cancelled };
  const { code: system = '', path } = error as NodeJS.ErrnoException;
  if (path !== undefined && /^E[A-Z]+$/.test(system))
    return { text: `${path}: ${fileRules[system] ?? error.message}`, code: exitCode.input };
  // Readers begin with the name of their format, which is of use; where it is not known yet, with that of a function.
  if (error instanceof FormatError)
    return { text: error.message.replace(/^openTensors: /, ''), code: exitCode.input };
  if (/^(Array buffer allocation failed|WebAssembly\.Memory\.grow\(\):)/.test(error.message))
    return { text: `there is not enough memory (${error.message})`, code: exitCode.input };
  const refusal = refusalOf(error);
  if (refusal !== undefined) return { text: refusal, code: exitCode.input };
  return {
    text: `internal error: ${error.message} (LEVATTENTION_STACK=1 shows where)`,
    code: exitCode.internal,
  };
}

/**
 * The library refuses what it is given with `functionName: rule` as RangeError or TypeError: the rule without the name.
 * Messages of the JavaScript engine have no such beginning.
 */
export function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof RangeError || error instanceof TypeError)) return undefined;
  return /^[A-Za-z]\w*: (.*)$/s.exec(error.message)?.[1];
}

/** Names of files may hold line breaks and terminal codes. */
function oneLine(text: string): string {
  return text
    .trim()
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\p{Cc}/gu, '?');
}
