import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { openNpy } from '../io/npy.js';
import { universalSet } from '../universal-set/universal-set.js';
import { exitCode, failureOf, InputError, UsageError } from './failure.js';

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('failureOf', () => {
  test.each([
    [new UsageError('--epsilon must be in (0, 1]'), exitCode.usage],
    [new InputError('keys.npy: no such file'), exitCode.input],
    [new CommanderError(1, 'commander.unknownOption', "error: unknown option '--x'"), exitCode.usage],
    [
      Object.assign(new Error('ENOENT: no such file, open'), { code: 'ENOENT', path: 'k.npy' }),
      exitCode.input,
    ],
    [
      Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', path: 'k.npy' }),
      exitCode.input,
    ],
    [new DOMException('This operation was aborted', 'AbortError'), exitCode.cancelled],
    [new TypeError("Cannot read properties of undefined (reading 'x')"), exitCode.internal],
    [new RangeError('Invalid array length'), exitCode.internal],
    [new RangeError('Maximum call stack size exceeded'), exitCode.internal],
    ['a thrown text', exitCode.internal],
  ])('%s has exit code %i', (error, code) => {
    expect(failureOf(error, 'find').code).toBe(code);
  });

  test('what the library refuses is told without the name of its function', () => {
    const keys = { data: Float32Array.of(1, Number.NaN), shape: [2, 1] };
    const error = thrownBy(() => universalSet(keys, { epsilon: 0.5 }));
    const { line, code } = failureOf(error, 'find');
    expect(line).toMatch(/^levattention find: keys.*NaN.*row 1/);
    expect(code).toBe(exitCode.input);
  });

  test('what a reader refuses is the fault of the file', () => {
    const error = thrownBy(() => openNpy({ byteLength: 0, name: 'k.npy', slice: () => new Uint8Array(0) }));
    expect(failureOf(error, 'find').code).toBe(exitCode.input);
  });

  test('is one line, whatever is in a message', () => {
    const { line } = failureOf(new InputError('a\nb\r\n\u001b[31mc\u0007'), '');
    expect(line).toBe('levattention: a b ?[31mc?');
  });

  test('says how to see where a mistake of the program is', () => {
    expect(failureOf(new Error('broken'), 'find').line).toBe(
      'levattention find: internal error: broken (LEVATTENTION_STACK=1 shows where)',
    );
  });
});
