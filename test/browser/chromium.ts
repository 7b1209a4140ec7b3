/** A headless Chromium from the npm packages alone, and pages of the built package on the loopback interface. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { root } from '../packaging/built.js';

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

// The page has the library as a global, for functions that a test evaluates in it cannot import.
const PAGE = `<!doctype html><meta charset="utf-8"><title>levattention</title>
<script type="module">import * as library from './dist/index.js'; globalThis.library = library;</script>`;

// With these a page is isolated, and has shared memory.
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/** Serves the page at / and, isolated, at /isolated; the files of dist/, and the given bytes under their names. */
export async function serve(files: Readonly<Record<string, Uint8Array>>): Promise<Site> {
  const server = createServer((request, response) => {
    let name = request.url ?? '/';
    // A worker of an isolated page needs the header too.
    if (name === '/isolated' || request.headers.referer?.endsWith('/isolated'))
      response.setHeaders(new Map(Object.entries(ISOLATED)));
    if (name === '/isolated') name = '/';
    const built = /^\/dist\/[\w-]+\.js$/.test(name) ? join(root, name) : undefined;
    if (name === '/') response.setHeader('content-type', 'text/html').end(PAGE);
    else if (built && existsSync(built))
      response.setHeader('content-type', 'text/javascript').end(readFileSync(built));
    else if (Object.hasOwn(files, name.slice(1))) response.end(files[name.slice(1)]);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}

/**
 * Unpacks and starts the browser. The package unpacks to one path in the temporary folder whatever its version, so it
 * gets a folder of its own; told that it runs on Lambda, it adds the shared libraries that a bare system lacks.
 */
export async function launch(): Promise<{ browser: Browser; close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'levattention-chromium-'));
  const unpack = "import chromium from '@sparticuz/chromium'; console.log(await chromium.executablePath());";
  const executablePath = execFileSync(process.execPath, ['--input-type=module', '--eval', unpack], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
  }).trim();
  const env = { ...process.env, TMPDIR: folder, LD_LIBRARY_PATH: join(folder, 'al2023/lib') };
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], env });
  const close = async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { browser, close };
}
