/** Files by positioned reads for the readers of levattention/io, and output that is written wholly or not at all. */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { allocate, type ByteSource } from '../io/bytes.js';
import { InputError } from './failure.js';

/** A file that is open for reading. */
export interface FileSource extends ByteSource {
  readonly name: string;
  /** As long as this is the same the bytes are as they were when it was first asked for; undefined where the file was written so lately that its time does not tell. */
  identity(): string | undefined;
  close(): void;
}

/** How a file begins, as far as is needed to tell of which kind it is. */
export function leadOf(file: FileSource): Uint8Array {
  return file.slice(0, Math.min(16, file.byteLength));
}

/** The number of a process's standard output among its open files. */
const STANDARD_OUTPUT = 1;

/** Bytes of one system call; Linux and Node take less than 2 GiB at a time. */
const MOST_AT_ONCE = 2 ** 30;

/** Runs a call to the file system, whose errors then carry the path that the user knows. */
function onFile<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? Object.assign(error, { path }) : error;
  }
}

/**
 * Opens a file as a source of bytes; each `slice` is one read, into the caller's room where there is one.
 *
 * @throws InputError where it is not a regular file or has become shorter; the system's error where it cannot be read
 */
export function openFile(path: string): FileSource {
  // Looked at before it is opened: a pipe would wait for its writer.
  if (!onFile(path, () => statSync(path)).isFile())
    throw new InputError(`${path}: not a file that can be read by position`);
  const file = onFile(path, () => openSync(path, 'r'));
  const { size } = fstatSync(file);
  return {
    name: path,
    byteLength: size,
    identity: () => identityOf(file),
    slice(start, end, room) {
      const length = end - start;
      const bytes = room ? room(length) : allocate(length, path);
      let filled = 0;
      while (filled < length) {
        const most = Math.min(length - filled, MOST_AT_ONCE);
        const got = onFile(path, () => readSync(file, bytes, filled, most, start + filled));
        if (got === 0) throw new InputError(`${path}: ended at byte ${start + filled} while it was read`);
        filled += got;
      }
      return bytes;
    },
    close: () => closeSync(file),
  };
}

/**
 * What changes with every change of a file: the time of its last one (ctime) can be set by nobody, other than that of its contents (mtime). A change in the
 * same tick of the system's clock does not move it, so it tells nothing until a tick is over: some milliseconds, or two seconds where
 * the file system counts only whole ones. Nor does a change of a page that is mapped into memory and not written back yet: so all are written back first;
 * where the file system cannot, nothing is told.
 */
function identityOf(file: number): string | undefined {
  if (!wroteBack(file)) return undefined;
  const { size, ino, mtimeNs, ctimeNs } = fstatSync(file, { bigint: true });
  const tick = ctimeNs % 1_000_000_000n === 0n ? 2000 : 100;
  const age = Date.now() - Number(ctimeNs / 1_000_000n);
  return age > tick ? [size, ino, mtimeNs, ctimeNs].join(' ') : undefined;
}

/** Whether what was written to a file is on its disk now; false on file systems that cannot do that. */
function wroteBack(file: number): boolean {
  try {
    fsyncSync(file);
    return true;
  } catch (error) {
    if (/^(EINVAL|ENOSYS|ENOTSUP|EROFS)$/.test((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** How a file is written. */
export interface WriteFileOptions {
  /** Whether it is on the disk before it takes its name, where the file system can do that: then it is whole, or as it was before, even after a power failure. */
  readonly synced?: boolean;
}

/**
 * Writes a file so that it is there in full or as it was before: into a file beside it that then takes its name, and
 * is removed where anything fails. Of processes that write the same file at once, the last to end wins. A link keeps
 * pointing to its file, which is made where it is missing. What is no regular file (a pipe, a device) is written to directly, and so is the file that standard
 * output goes to, after what is in it: another one of its name would lose that.
 *
 * @throws the system's error where the file cannot be written; whatever the iterable throws
 */
export function writeFileAtomic(
  path: string,
  chunks: Iterable<string | Uint8Array>,
  { synced = false }: WriteFileOptions = {},
): void {
  const before = onFile(path, () => statSync(path, { throwIfNoEntry: false }));
  if (before?.isFile() && isOutput(before)) {
    onFile(path, () => writeChunks(STANDARD_OUTPUT, chunks));
    return;
  }
  const direct = before !== undefined && !before.isFile();
  const target = direct ? path : onFile(path, () => fileBehind(path));
  if (!direct) removeLeftovers(target);
  const written = direct ? target : temporaryName(target);
  try {
    onFile(path, () => {
      const file = created(target, () => openSync(written, direct ? 'w' : 'wx', before?.mode));
      try {
        writeChunks(file, chunks);
        if (synced && !direct) wroteBack(file);
      } finally {
        closeSync(file);
      }
      if (!direct) renameSync(written, target);
    });
  } catch (error) {
    if (!direct) rmSync(written, { force: true });
    throw error;
  }
}

/** Whether standard output goes to this file. */
function isOutput({ dev, ino }: Stats): boolean {
  try {
    const output = fstatSync(STANDARD_OUTPUT);
    return output.dev === dev && output.ino === ino;
  } catch {
    // It may be closed.
    return false;
  }
}

/**
 * The file that a path stands for, through all links; it need not be there yet.
 *
 * @throws the system's error where the folder of that file is missing
 */
export function fileBehind(path: string): string {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return path;
  const link = readlinkSync(path);
  const target = isAbsolute(link) ? link : `${dirname(path)}/${link}`;
  // By the system: `..` behind a link to a folder is the parent of that folder.
  return fileBehind(join(realpathSync.native(dirname(target)), basename(target)));
}

/** The same for all paths of one file or folder, through whatever links they go; the whole path of what cannot be seen. */
export function placeOf(path: string): string {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return resolve(path);
  }
}

/** How the names of files beside a target begin: with the machine, as another one's processes cannot be looked up. */
function temporaryStart(target: string): string {
  const place = createHash('sha256').update(JSON.stringify([hostname(), basename(target)]));
  return `.levattention-${place.digest('hex').slice(0, 16)}-`;
}

function temporaryName(target: string): string {
  const name = `${temporaryStart(target)}${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
  return join(dirname(target), name);
}

/** Removes what processes left that were killed while they wrote this target. */
function removeLeftovers(target: string): void {
  const [folder, start] = [dirname(target), temporaryStart(target)];
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    // A folder may be written to and not be listed.
  }
  for (const name of names) {
    const [, pid] =
      /^(\d+)-[0-9a-f]+\.tmp$/.exec(name.startsWith(start) ? name.slice(start.length) : '') ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(folder, name), { force: true });
    } catch {
      // It is not in the way.
    }
  }
}

/** Whether another process has this number; one that may not be signalled is one. */
function isAlive(pid: number): boolean {
  // A process writes one file at a time: what has its own number is of an earlier one.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** In some folders, such as those of /proc, there can be no file: the system says that there is none. */
function created(path: string, open: () => number): number {
  try {
    return open();
  } catch (error) {
    const inFolder = statSync(dirname(path), { throwIfNoEntry: false })?.isDirectory();
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || !inFolder) throw error;
    throw new InputError(`${path}: no file can be made in this folder`);
  }
}

function writeChunks(file: number, chunks: Iterable<string | Uint8Array>): void {
  for (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    for (let at = 0; at < bytes.length; )
      at += writeSync(file, bytes, at, Math.min(bytes.length - at, MOST_AT_ONCE));
  }
}
