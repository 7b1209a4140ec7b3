import { execFileSync, spawnSync } from 'node:child_process';
import fs, {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTensor, writeNpy } from '../io/index.js';
import { InputError } from './failure.js';
import { openFile, writeFileAtomic } from './file-source.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'levattention-files-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('openFile', () => {
  it('reads tensors block by block', async () => {
    const path = join(folder, 'k.npy');
    const data = Float32Array.from({ length: 6400 }, (_, i) => i);
    writeFileSync(path, writeNpy({ data, shape: [100, 64] }));
    const file = openFile(path);
    const tensor = await openTensor(file);
    const matrix = tensor.matrix();
    for (let start = 0; start < 100; start += 30)
      expect(matrix.rows(start, Math.min(start + 30, 100))).toEqual(
        data.subarray(start * 64, (start + 30) * 64),
      );
    expect(tensor.read().data).toEqual(data);
    file.close();
  });

  it('gives each matrix a buffer of its own', async () => {
    const path = join(folder, 'k.npy');
    writeFileSync(path, writeNpy({ data: Float32Array.of(1, 2, 3, 4), shape: [1, 2, 1, 2] }));
    const file = openFile(path);
    const tensor = await openTensor(file);
    const first = tensor.matrix(0, 0).rows(0, 1);
    expect(tensor.matrix(0, 1).rows(0, 1)).toEqual(Float32Array.of(3, 4));
    expect(first).toEqual(Float32Array.of(1, 2));
    file.close();
  });

  it('reads far into a file that is larger than memory', async () => {
    const path = join(folder, 'large.npy');
    const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${2 ** 33}, 64), }`;
    const file = openSync(path, 'w');
    writeSync(file, Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0));
    writeSync(file, `${header.padEnd(117)}\n`);
    // The file is sparse: what was never written takes no room and reads as zeros.
    ftruncateSync(file, 128 + 2 ** 41);
    writeSync(file, Float32Array.of(7), 0, 4, 128 + 2 ** 40 + 4);
    closeSync(file);
    const source = openFile(path);
    const matrix = (await openTensor(source)).matrix();
    expect([...matrix.rows(2 ** 32, 2 ** 32 + 1).subarray(0, 3)]).toEqual([0, 7, 0]);
    source.close();
  });

  it('says what cannot be read, with the path', () => {
    expect(() => openFile(join(folder, 'none.npy'))).toThrow(
      expect.objectContaining({ code: 'ENOENT', path: join(folder, 'none.npy') }),
    );
    expect(() => openFile(folder)).toThrow(
      new InputError(`${folder}: not a file that can be read by position`),
    );
    const path = join(folder, 'short.npy');
    writeFileSync(path, 'abcdef');
    const file = openFile(path);
    writeFileSync(path, 'abc');
    expect(() => file.slice(0, 6)).toThrow(new InputError(`${path}: ended at byte 3 while it was read`));
    file.close();
  });
});

describe('writeFileAtomic', () => {
  it('writes text and bytes, over what was there', () => {
    const path = join(folder, 'out');
    for (const text of ['a longer one', 'é']) {
      writeFileAtomic(path, [text, Uint8Array.of(33, 10)]);
      expect(readFileSync(path, 'utf8')).toBe(`${text}!\n`);
    }
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('leaves everything as it was where the content fails', () => {
    const path = join(folder, 'out');
    const failing = function* () {
      yield 'half of it';
      throw new RangeError('find: no');
    };
    expect(() => writeFileAtomic(path, failing())).toThrow(new RangeError('find: no'));
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(path, 'before');
    expect(() => writeFileAtomic(path, failing())).toThrow(RangeError);
    expect(readFileSync(path, 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['out']);
  });

  it('says what cannot be written, with the path that was given', () => {
    const path = join(folder, 'none', 'out');
    expect(() => writeFileAtomic(path, ['x'])).toThrow(expect.objectContaining({ code: 'ENOENT', path }));
    mkdirSync(join(folder, 'taken'));
    expect(() => writeFileAtomic(join(folder, 'taken'), ['x'])).toThrow(
      expect.objectContaining({ code: 'EISDIR', path: join(folder, 'taken') }),
    );
    expect(readdirSync(folder)).toEqual(['taken']);
  });

  it('keeps links and modes', () => {
    const [path, link] = [join(folder, 'out'), join(folder, 'link')];
    writeFileSync(path, 'before', { mode: 0o600 });
    symlinkSync('out', link);
    writeFileAtomic(link, ['after']);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('after');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('makes the file that a link points to, and keeps the link', () => {
    for (const name of ['near', 'near/folder', 'far']) mkdirSync(join(folder, name));
    symlinkSync(join(folder, 'near', 'folder'), join(folder, 'far', 'shortcut'));
    const made: [name: string, link: string, file: string][] = [
      ['relative', 'near/first', 'near/first'],
      ['absolute', join(folder, 'far', 'second'), 'far/second'],
      // The parent of the folder that the shortcut points to.
      ['parent', 'far/shortcut/../third', 'near/third'],
      ['twice', 'far/again', 'near/fourth'],
    ];
    symlinkSync('../near/fourth', join(folder, 'far', 'again'));
    for (const [name, link, file] of made) {
      symlinkSync(link, join(folder, name));
      for (const text of ['new', 'newer']) {
        writeFileAtomic(join(folder, name), [text]);
        expect(lstatSync(join(folder, name)).isSymbolicLink(), name).toBe(true);
        expect(lstatSync(join(folder, file)).isFile(), name).toBe(true);
        expect(readFileSync(join(folder, file), 'utf8')).toBe(text);
      }
    }
    expect(readdirSync(join(folder, 'near')).sort()).toEqual(['first', 'folder', 'fourth', 'third']);
    expect(readdirSync(join(folder, 'far')).sort()).toEqual(['again', 'second', 'shortcut']);
  });

  it('names a link into a folder that is missing, or to itself, and leaves it', () => {
    const [path, loop] = [join(folder, 'link'), join(folder, 'loop')];
    symlinkSync('none/out', path);
    symlinkSync('loop', loop);
    expect(() => writeFileAtomic(path, ['x'])).toThrow(expect.objectContaining({ code: 'ENOENT', path }));
    expect(() => writeFileAtomic(loop, ['x'])).toThrow(
      expect.objectContaining({ code: 'ELOOP', path: loop }),
    );
    expect(readdirSync(folder).sort()).toEqual(['link', 'loop']);
    expect([path, loop].map((link) => lstatSync(link).isSymbolicLink())).toEqual([true, true]);
  });

  it('is on the disk before it takes its name, where that is asked for', () => {
    const path = join(folder, 'out');
    const { fsyncSync, renameSync } = fs;
    const calls: string[] = [];
    const contents = () => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    fs.fsyncSync = (file) => {
      calls.push(`synced ${contents()}`);
      fsyncSync(file);
    };
    fs.renameSync = (from, to) => {
      calls.push('named');
      renameSync(from, to);
    };
    syncBuiltinESMExports();
    try {
      writeFileAtomic(path, ['al', 'l'], { synced: true });
      expect(calls).toEqual(['synced all', 'named']);
      writeFileAtomic(path, ['more']);
      expect(calls).toEqual(['synced all', 'named', 'named']);
    } finally {
      Object.assign(fs, { fsyncSync, renameSync });
      syncBuiltinESMExports();
    }
  });

  it('is written where the file system cannot bring it to the disk, and tells no identity of files there', async () => {
    const path = join(folder, 'out');
    writeFileAtomic(path, ['before']);
    // Longer than a tick of the clock.
    await wait(200);
    const file = openFile(path);
    expect(file.identity()).toBeDefined();
    const { fsyncSync } = fs;
    fs.fsyncSync = () => {
      throw Object.assign(new Error('EINVAL: invalid argument, fsync'), { code: 'EINVAL', syscall: 'fsync' });
    };
    syncBuiltinESMExports();
    try {
      expect(file.identity()).toBeUndefined();
      writeFileAtomic(path, ['all'], { synced: true });
      expect(readFileSync(path, 'utf8')).toBe('all');
    } finally {
      Object.assign(fs, { fsyncSync });
      syncBuiltinESMExports();
    }
    file.close();
  });

  it('removes what a killed process left of the same file, and nothing else', () => {
    const [path, other] = [join(folder, 'out'), join(folder, 'other')];
    /** The name that is written to on the way to a path. */
    const nameBeside = (path: string) => {
      let names: string[] = [];
      writeFileAtomic(
        path,
        (function* () {
          yield 'half of it';
          names = readdirSync(folder).filter((name) => name.startsWith('.levattention-'));
        })(),
      );
      expect(names).toHaveLength(1);
      return names[0];
    };
    const renamed = (name: string, pid: number | undefined) =>
      name.replace(`-${process.pid}-`, `-${pid}-`).replace(/.{4}\.tmp$/, 'aaaa.tmp');
    const { pid: dead } = spawnSync(process.execPath, ['--version']);
    const left = renamed(nameBeside(path), dead);
    const ownEarlier = renamed(nameBeside(path), process.pid);
    const alive = renamed(nameBeside(path), process.ppid);
    const ofOther = renamed(nameBeside(other), dead);
    rmSync(other);
    for (const name of [left, ownEarlier, alive, ofOther]) writeFileSync(join(folder, name), 'half');
    writeFileAtomic(path, ['whole']);
    expect(readdirSync(folder).sort()).toEqual([alive, ofOther, 'out'].sort());
    expect(readFileSync(path, 'utf8')).toBe('whole');
  });

  it.skipIf(process.platform === 'win32')('writes to pipes, and leaves them where they are', () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, 'r+');
    writeFileAtomic(path, ['to the ', 'reader']);
    const received = Buffer.alloc(100);
    expect(received.toString('utf8', 0, readSync(pipe, received))).toBe('to the reader');
    closeSync(pipe);
    expect(statSync(path).isFIFO()).toBe(true);
  });
});
