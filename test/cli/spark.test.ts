/** What `levattention spark` says where it cannot do its work: what is missing, refused before Spark starts, or failed there. `npm run test:spark` has the rest. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeNpy } from '../../src/io/index.js';
import { tensor, Workplace } from './cli.js';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  place.write('a.npy', writeNpy(tensor([50, 3], 1)));
  place.write('b.npy', writeNpy(tensor([40, 2], 2)));
  mkdirSync(place.path('sub'));
  for (const name of ['k.parquet', 'sub/k.parquet'])
    place.write(name, readFileSync(new URL('../parquet/files/list-many-pages.parquet', import.meta.url)));
  symlinkSync('a.npy', place.path('link.npy'));
  symlinkSync('k.parquet', place.path('link.parquet'));
  symlinkSync('.', place.path('here'));
  linkSync(place.path('a.npy'), place.path('hard.npy'));
});
afterAll(() => place?.remove());

/** A program that stands in for spark-submit where it is of no use: it says something, and ends. */
function submit(name: string, script: string): string {
  place.write(name, `#!/bin/sh\n${script}\n`);
  chmodSync(place.path(name), 0o755);
  return place.path(name);
}

const job = ['spark', '--master', 'spark://none:7077', '--epsilon', '0.1', '-o', 'keys.jsonl'];

async function refused(args: readonly string[], environment: Record<string, string> = {}) {
  const { code, stdout, stderr } = await place.run([...job, ...args], environment);
  expect(stdout).toBe('');
  expect(existsSync(place.path('keys.jsonl'))).toBe(false);
  const [, line] = /^levattention spark: ([^\n]+)\n$/.exec(stderr) ?? [];
  return { code, line: line ?? stderr };
}

describe('what is missing', () => {
  test.each([
    [
      'spark-submit on PATH',
      { PATH: '/none', SPARK_HOME: '' },
      /^spark-submit is missing: install Apache Spark .*--spark-submit, SPARK_HOME or PATH$/,
    ],
    [
      'spark-submit in SPARK_HOME',
      { SPARK_HOME: '/none' },
      /^SPARK_HOME has no program bin\/spark-submit, got '\/none'$/,
    ],
  ])('%s', async (_, environment, rule) => {
    const { code, line } = await refused(['--input', 'a.npy'], environment);
    expect(line).toMatch(rule);
    expect(code).toBe(2);
  });

  test('the spark-submit that was named', async () =>
    expect(await refused(['--input', 'a.npy', '--spark-submit', 'a.npy'])).toEqual({
      code: 2,
      line: '--spark-submit a.npy: is no program',
    }));

  test.each([
    [
      'Java',
      'echo "JAVA_HOME is not set" >&2; exit 1',
      /^Java is missing, or Spark cannot run it: Spark 4 needs Java 17/,
    ],
    [
      'a newer Java',
      'echo "Exception in thread \\"main\\" java.lang.UnsupportedClassVersionError: org/apache/spark/launcher/Main" >&2; exit 1',
      /^Java is too old for this Spark/,
    ],
    [
      'its Spark',
      'echo "Could not find valid SPARK_HOME while searching []" >&2; exit 1',
      /^spark-submit does not find its Spark: SPARK_HOME says where it is/,
    ],
    ['Python', 'echo "env: python3: No such file or directory" >&2; exit 127', /^Python is missing: /],
    [
      'the master',
      'echo "26/01/01 ERROR StandaloneSchedulerBackend: Application has been killed. Reason: All masters are unresponsive! Giving up." >&2; exit 1',
      /^Spark does not reach the master: .*All masters are unresponsive! Giving up\.$/,
    ],
    [
      'anything else',
      'echo "Error: odd" >&2; echo more >&2; exit 3',
      /^spark-submit ended with 3: Error: odd$/,
    ],
    ['every word', 'exit 4', /^spark-submit ended with 4: it said nothing$/],
    ['the end of the job', 'exit 0', /^spark-submit ended with 0: it said nothing$/],
  ])('%s', async (_, script, rule) => {
    const { code, line } = await refused(['--input', 'a.npy', '--spark-submit', submit('missing', script)]);
    expect(line).toMatch(rule);
    expect(code).toBe(1);
  });
});

test('the job says why it failed, and what is in the way of the keys', async () => {
  const failed = submit('failed', `echo '@levattention {"error":"partition 3: odd"}'; exit 1`);
  expect(await refused(['--input', 'a.npy', '--spark-submit', failed])).toEqual({
    code: 1,
    line: 'partition 3: odd',
  });
  // Its last argument is the plan, beside which the results lie.
  const cut = (results: string) =>
    submit(
      'cut',
      `for plan; do :; done; printf '%s' '${results}' > "$(dirname "$plan")/found.jsonl"
echo '@levattention {"outcome":{"passes":2,"factor":{"rank":3,"margin":0},"tasks":{}}}'`,
    );
  const found = '{"partition":0,"rows":50,"indices":[7],"scores":[0.5],"undecided":[]}\n';
  expect(await refused(['--input', 'a.npy', '--spark-submit', cut('')])).toEqual({
    code: 1,
    line: 'the second pass has no results of partition 0',
  });
  expect(await refused(['--input', 'a.npy', '--spark-submit', cut(found + found)])).toEqual({
    code: 1,
    line: 'the second pass has results of partition 0 that nobody asked for',
  });
});

test('the job runs in client mode, whatever the settings of this Spark are, and what follows -- is handed on', async () => {
  const told = submit('told', 'echo "$*" >&2; exit 1');
  const { line } = await refused(['--input', 'a.npy', '--spark-submit', told, '--', '--verbose']);
  expect(line).toMatch(/ --verbose --deploy-mode client \S+\/levattention_spark\.py \S+\/plan\.json$/);
});

test('a working folder whose name looks like a pattern is no pattern', async () => {
  const odd = new Workplace('levattention-*[x]?-#');
  const other = odd.folder.replace(/[*?]/g, 'y');
  try {
    mkdirSync(other);
    writeFileSync(join(other, 'c.npy'), writeNpy(tensor([70, 3], 1)));
    odd.write('a.npy', writeNpy(tensor([50, 3], 1)));
    odd.write('b.npy', writeNpy(tensor([60, 3], 1)));
    const told = submit(
      'manifest',
      'for plan; do :; done; cat "$(dirname "$plan")/parts.jsonl" | tr "\\n" " " >&2; exit 1',
    );
    for (const pattern of ['*.npy', '?.npy', 'sub/../?.npy', './*.npy']) {
      const { stderr } = await odd.run([...job, '--input', pattern, '--spark-submit', told]);
      expect(stderr).toContain(
        JSON.stringify({ partition: 1, input: odd.path('b.npy'), start: 0, rows: 60, offset: 50 }),
      );
      expect(stderr).not.toContain('"partition":2');
    }
  } finally {
    odd.remove();
    rmSync(other, { recursive: true });
  }
});

describe('refused before anything starts', () => {
  const never = () => submit('never', `touch '${place.path('started')}'`);
  const line = (partition: number, offset: number, input = 'a.npy', start = 0) =>
    `${JSON.stringify({ partition, input, start, rows: 10, offset })}\n`;
  test.each([
    ['neither inputs nor a manifest', [], 2, 'either --input or --manifest says which keys are meant'],
    [
      'both',
      ['--input', 'a.npy', '--manifest', 'm.jsonl'],
      2,
      'either --input or --manifest says which keys are meant',
    ],
    ['no such file', ['--input', '*.none'], 1, '*.none: no file has such a name'],
    [
      'an output that is an input',
      ['--input', 'k.parquet', '-o', 'k.parquet'],
      2,
      '-o k.parquet is an input: it would be overwritten',
    ],
    [
      'an output that is an input, behind a link',
      ['--input', 'sub/../k.parquet', '-o', 'link.parquet'],
      2,
      '-o link.parquet is an input: it would be overwritten',
    ],
    [
      'an output that will be an input',
      ['--input', 'sub/*.parquet', '-o', 'here/sub/heavy.parquet'],
      2,
      "-o here/sub/heavy.parquet is among the inputs 'sub/*.parquet': the next run would read it",
    ],
    ['other columns', ['--input', '?.npy'], 1, /b\.npy: has 2 columns, the inputs before it have 3$/],
    [
      'an input twice',
      ['--input', 'a.npy', '--input', 'a.n*'],
      1,
      /^rows 0 to 49 of .*a\.npy, of partition 1, are in another one, too$/,
    ],
    ...['./a.npy', 'sub/../a.npy', 'link.npy', 'hard.npy', 'here/a.npy'].map(
      (again): [string, string[], number, RegExp] => [
        `an input that comes again as ${again}`,
        ['--input', 'a.npy', '--input', again],
        1,
        /^rows 0 to 49 of .*, of partition 1, are in another one, too$/,
      ],
    ),
    [
      'the driver elsewhere',
      ['--input', 'a.npy', '--', '--deploy-mode', 'cluster'],
      2,
      'the job runs in client mode alone: its results come to this machine',
    ],
    [
      'an output of another kind',
      ['--input', 'a.npy', '-o', 'keys.csv'],
      2,
      "-o must end in .parquet, .jsonl, got 'keys.csv'",
    ],
    ['a weight', ['--input', 'a.npy', '--f', 'odd:1'], 2, /^--f: /],
    ['tasks', ['--input', 'a.npy', '--tasks', '0'], 2, "--tasks must be a positive whole number, got '0'"],
  ])('%s', async (_, args, code, rule) => {
    const found = await refused(['--spark-submit', never(), ...args]);
    expect(found.code).toBe(code);
    expect(found.line).toEqual(typeof rule === 'string' ? rule : expect.stringMatching(rule));
    expect(existsSync(place.path('started'))).toBe(false);
  });

  test.each([
    [
      'lists a partition twice',
      line(0, 0) + line(0, 10, 'a.npy', 10),
      'm.jsonl, line 2: partition 0 is listed twice',
    ],
    [
      'has a row of the matrix twice',
      line(0, 0) + line(1, 9, 'a.npy', 20),
      'm.jsonl, line 2: rows 9 to 9 of partition 1 are in another one, too',
    ],
    [
      'has a row of an input twice',
      line(0, 0) + line(1, 50, 'a.npy', 9),
      'm.jsonl, line 2: rows 9 to 9 of a.npy, of partition 1, are in another one, too',
    ],
    [
      'has a row of an input twice, by another path',
      line(0, 0) + line(1, 50, './here/link.npy', 9),
      'm.jsonl, line 2: rows 9 to 9 of ./here/link.npy, of partition 1, are in another one, too',
    ],
    [
      'has an input as its output',
      line(0, 0, 'k.parquet'),
      '-o link.parquet is an input: it would be overwritten',
      ['-o', 'link.parquet'],
      2,
    ],
    ['is no manifest', '\nrows\n', 'm.jsonl, line 2: a partition must be a line of JSON, got rows'],
    ['is empty', '\n', 'm.jsonl: there are no rows'],
  ])('a manifest that %s', async (_, text, rule, args: readonly string[] = [], code = 1) => {
    place.write('m.jsonl', text);
    expect(await refused(['--manifest', 'm.jsonl', '--spark-submit', never(), ...args])).toEqual({
      code,
      line: rule,
    });
    expect(existsSync(place.path('started'))).toBe(false);
  });
});

describe('estimate', () => {
  const args = ['estimate', '--rows', '1000000000', '--cols', '128', '--executors', '100'];

  test('a billion keys', async () => {
    const { code, stdout } = await place.run([...args, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ partitions: 1000, tasks: 868, bytesRead: 1024e9 });
    const words = await place.run([...args, '--format', 'npy']);
    expect(words).toMatchObject({ code: 0, stderr: '' });
    expect(words.stdout).toMatch(
      /^1000 partitions, 868 tasks\nread +1,024,000 MB\nmoved +104 MB\ndriver +1 MB beside Spark's own\nprocessor +\d+ s of all cores together\ntime +\d+ s if nothing is in the way; as jobs that were measured, \d+ s to \d+ s\nleft out +tasks that are run again, [^\n]+\n$/,
    );
  });

  test('of a format that is none', async () =>
    expect(await place.run([...args, '--format', 'csv'])).toMatchObject({
      code: 2,
      stderr: "levattention estimate: --format must be parquet or npy, got 'csv'\n",
    }));
});
