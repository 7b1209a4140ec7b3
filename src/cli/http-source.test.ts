/** Ranges from a real server: what goes well, and one clear line for all that does not. */
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RangeServer, type Served } from '../../test/cli/range-server.js';
import { InputError } from './failure.js';
import { normalUrl, openUrl } from './http-source.js';

const bytes = Uint8Array.from({ length: 20_000 }, (_, i) => i % 251);
const patience = { pauses: [1, 1], idle: 200 };

let server: RangeServer;
beforeAll(async () => {
  server = await new RangeServer().start();
});
afterAll(() => server?.stop());

let files = 0;
const serve = (file: Partial<Served> = {}) => server.serve(`/file${files++}.bin`, { bytes, ...file });

/** What opening a URL and reading a range of it after the first bytes is refused with. */
async function refusal(url: string): Promise<string> {
  try {
    const source = await openUrl(url, patience);
    await source.read(10_000, 10_100);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    const { message } = error as InputError;
    expect(message).not.toContain('\n');
    expect(message.startsWith(url)).toBe(true);
    return message.slice(url.length);
  }
  return 'nothing';
}

test('spellings of a URL that mean the same are one', () => {
  const url = 'https://example.org/a/~k%2Fl.npy?x=%C3%A9';
  for (const other of [
    'HTTPS://Example.ORG:443/a/./%7ek%2fl.npy?x=%c3%a9',
    'https://example.org/a/b/../%7Ek%2Fl.npy?x=é',
  ])
    expect(normalUrl(other)).toBe(url);
  for (const other of ['http://example.org/a/~k%2Fl.npy?x=%C3%A9', 'https://example.org/a/~k/l.npy?x=%C3%A9'])
    expect(normalUrl(other)).not.toBe(url);
  expect(normalUrl('http://[odd')).toBe('http://[odd');
});

test('ranges are those of the file, and no byte is asked for twice', async () => {
  const url = serve({ etag: () => '"1"' });
  const source = await openUrl(url);
  expect(source.byteLength).toBe(bytes.length);
  expect(source.name).toBe(url);
  expect(await source.read(0, 16)).toEqual(bytes.slice(0, 16));
  expect(await source.read(4000, 5000)).toEqual(bytes.slice(4000, 5000));
  expect(await source.read(19_999, 20_000)).toEqual(bytes.slice(19_999));
  expect(server.requests.slice(-3).map((line) => line.split(' ')[1])).toEqual([
    '0-4095',
    '4000-4999',
    '19999-19999',
  ]);
});

test('a file shorter than the first request', async () => {
  const source = await openUrl(serve({ bytes: bytes.subarray(0, 10) }));
  expect(source.byteLength).toBe(10);
  expect(await source.read(2, 10)).toEqual(bytes.slice(2, 10));
});

test('identity is told by a strong ETag alone', async () => {
  const identity = async (etag?: string) => (await openUrl(serve({ etag: () => etag }))).identity();
  expect(await identity('"a"')).toContain('"a"');
  expect(await identity('W/"a"')).toBeUndefined();
  expect(await identity()).toBeUndefined();
});

test('identity is of the whole URL, and does not give it away', async () => {
  const url = serve({ etag: () => '"a"' });
  const identity = async (query: string) => (await openUrl(`${url}?${query}`)).identity();
  expect(await identity('part=0')).toBe(await identity('part=0'));
  expect(await identity('part=0')).not.toBe(await identity('part=1'));
  expect(await identity('part=0')).not.toContain('part');
});

test('what follows the path is not in messages', async () => {
  const source = await openUrl(`${serve()}?signature=secret`);
  expect(source.name).toMatch(/\.bin\?\.\.\.$/);
});

describe('refused in one line', () => {
  test.each<[string, Partial<Served>, string]>([
    [
      'a server that ignores ranges',
      { fault: (response) => !!response.writeHead(200).end(bytes) },
      ': the server gives the whole file and no ranges of bytes (HTTP 200): download it first',
    ],
    ['an empty file', { bytes: new Uint8Array(0) }, ': is empty, or has become shorter (HTTP 416)'],
    [
      'permission',
      { fault: (response) => !!response.writeHead(403).end() },
      ': permission denied (HTTP 403)',
    ],
    [
      'another answer',
      { fault: (response) => !!response.writeHead(204).end() },
      ': the server answers HTTP 204, not with a range of bytes',
    ],
    [
      'a server in trouble',
      { fault: (response) => !!response.writeHead(503).end() },
      ': the server answers HTTP 503, in 3 tries',
    ],
    [
      'another range',
      {
        fault: (response, { headers, part }) =>
          !!response.writeHead(206, { ...headers, 'Content-Range': 'bytes 7-9/20000' }).end(part),
      },
      ": asked for bytes 0 to 4095, the server gives 'bytes 7-9/20000'",
    ],
    [
      'a packed range',
      {
        fault: (response, { headers, part }) =>
          !!response.writeHead(206, { ...headers, 'Content-Encoding': 'br' }).end(part),
      },
      ': the server gives the range packed as br, which was not asked for',
    ],
    [
      'a body that is short',
      {
        fault: (response, { headers, part }) => {
          const { 'Content-Length': _, ...open } = headers;
          return !!response.writeHead(206, open).end(part.subarray(0, 50));
        },
      },
      ': the answer ended after 50 of 4096 bytes, in 3 tries',
    ],
    [
      'a body that is long',
      {
        fault: (response, { headers, part }) => {
          const { 'Content-Length': _, ...open } = headers;
          return !!response.writeHead(206, open).end(Buffer.concat([part, part]));
        },
      },
      ': the server gives more than the 4096 bytes of a range',
    ],
    [
      'a server that says nothing',
      { fault: () => true },
      ': the server did not answer for 0.2 s, in 3 tries',
    ],
    ['a new ETag', { etag: (request) => `"${request}"` }, ': has changed while it was read'],
    [
      'an ETag that goes away',
      { etag: (request) => (request === 0 ? '"1"' : undefined) },
      ': has changed while it was read',
    ],
    [
      'another length',
      {
        fault: (response, { headers, part, start }) =>
          start > 0 &&
          !!response
            .writeHead(206, {
              ...headers,
              'Content-Range': headers['Content-Range'].replace(/\d+$/, '30000'),
            })
            .end(part),
      },
      ': has changed while it was read',
    ],
  ])('%s', async (_, file, rule) => expect(await refusal(serve(file))).toBe(rule));

  test('a connection that is dropped in the middle of the body', async () => {
    const fault: Served['fault'] = (response, { headers, part }) => {
      response.writeHead(206, headers).write(part.subarray(0, 50), () => response.destroy());
      return true;
    };
    expect(await refusal(serve({ fault }))).toMatch(/^: the connection failed \(.+\), in 3 tries$/);
  });

  test('a file that is not there', async () =>
    expect(await refusal(serve().replace('file', 'none'))).toBe(': no such file (HTTP 404)'));

  test('a server that is not there', async () => {
    const closed = createServer();
    const port = await new Promise((resolve) =>
      closed.listen(0, '127.0.0.1', () => resolve((closed.address() as { port: number }).port)),
    );
    await new Promise((resolve) => closed.close(resolve));
    expect(await refusal(`http://127.0.0.1:${port}/keys.npy`)).toBe(
      ': the connection failed (ECONNREFUSED), in 3 tries',
    );
  });

  test.each([
    ['http://', 'http://: is not a URL'],
    ['http://me:secret@localhost/a', 'http://localhost/a: a user and a password cannot be part of a URL'],
  ])('%s', async (url, message) => await expect(openUrl(url)).rejects.toThrow(new InputError(message)));
});

test.each([
  ['a dropped connection', (response: { destroy(): void }) => response.destroy()],
  [
    'a busy server',
    (response: { writeHead(status: number): { end(): void } }) => response.writeHead(503).end(),
  ],
])('%s is tried again', async (_, fail) => {
  const url = serve({
    fault: (response, _range, request) => {
      if (request === 0 || request === 2) fail(response);
      return request === 0 || request === 2;
    },
  });
  const source = await openUrl(url, patience);
  expect(await source.read(10_000, 10_100)).toEqual(bytes.slice(10_000, 10_100));
});

test('an interrupt ends a request at once', async () => {
  const controller = new AbortController();
  const opened = openUrl(serve({ fault: () => true }), { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await expect(opened).rejects.toMatchObject({ name: 'AbortError' });
});
