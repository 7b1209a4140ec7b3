/** A real Apache Spark on this machine: a master and two workers of one core each, from PyPI's pyspark. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cacheFolder, environmentWith } from '../../bench/peers/python.js';
import { type Host, type Network, networkOf } from './network.js';

/** Installs pyspark unless it is there; returns the folder of its programs. */
export function installSpark(): string {
  const environment = environmentWith(cacheFolder('spark-venv'), {
    what: 'pyspark (some 450 MB)',
    requirements: fileURLToPath(new URL('requirements.txt', import.meta.url)),
    options: [],
  });
  if ('absent' in environment) throw new Error(`pyspark: ${environment.absent}`);
  return dirname(environment.python);
}

/** Milliseconds that Spark's programs have to start, and a job to come to its second pass. */
const PATIENCE = 300_000;

/** A standalone cluster that runs until it is closed. */
export class Cluster {
  private readonly children: ChildProcess[] = [];

  private constructor(
    private readonly bin: string,
    readonly network: Network,
    readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<Cluster> {
    const bin = installSpark();
    const network = networkOf(3);
    const folder = mkdtempSync(join(tmpdir(), 'levattention-spark-cluster-'));
    const cluster = new Cluster(bin, network, folder, network.apart ? 7077 : await freePort());
    try {
      const [master, ...workers] = network.hosts;
      const log = cluster.daemon(master, 'master', ['deploy.master.Master', '--port', `${cluster.port}`]);
      await until(() => readFileSync(log, 'utf8').includes('Starting Spark master'), 'the master to start');
      workers.forEach((worker, i) => {
        const work = join(folder, `worker${i}`);
        mkdirSync(work);
        const options = ['--cores', '1', '--memory', '1g', '--work-dir', work, cluster.url];
        cluster.daemon(worker, `worker${i}`, ['deploy.worker.Worker', ...options]);
      });
      await until(
        () => (readFileSync(log, 'utf8').match(/Registering worker/g) ?? []).length === workers.length,
        'the workers to register',
      );
      return cluster;
    } catch (error) {
      await cluster.close();
      throw error;
    }
  }

  get url(): string {
    return `spark://${this.network.hosts[0].address}:${this.port}`;
  }

  /** What `levattention spark` needs to run here. */
  get options(): string[] {
    const settings = {
      'spark.driver.host': this.network.own,
      'spark.executor.memory': '512m',
      'spark.cores.max': '2',
      'spark.driver.memory': '512m',
      'spark.ui.enabled': 'false',
    };
    return [
      ...['--master', this.url, '--spark-submit', join(this.bin, 'spark-submit')],
      ...Object.entries(settings).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
    ];
  }

  /** The environment of a driver. */
  get environment(): Record<string, string> {
    return { SPARK_LOCAL_IP: this.network.own, PYSPARK_PYTHON: join(this.bin, 'python') };
  }

  /** The worker that a folder of an executor belongs to. */
  workerOf(folder: string): string {
    return /\/(worker\d)\//.exec(folder)?.[1] ?? folder;
  }

  /** The numbers of all executors of the job that one of them, which works in a folder, belongs to. */
  executorsOf(folder: string): string[] {
    const job = basename(dirname(folder));
    return this.network.hosts.slice(1).flatMap((_, i) => readdirSync(join(this.folder, `worker${i}`, job)));
  }

  /** Kills the executor that works in a folder. */
  killExecutor(folder: string): void {
    const found = readdirSync('/proc').find((pid) => isExecutor(pid) && cwdOf(pid) === folder);
    if (found === undefined) throw new Error(`no executor works in ${folder}`);
    process.kill(Number(found), 'SIGKILL');
  }

  async close(): Promise<void> {
    const ended = this.children.map((child) => new Promise((resolve) => child.once('close', resolve)));
    for (const child of this.children) child.kill('SIGTERM');
    await Promise.race([Promise.all(ended), wait(20_000)]);
    for (const child of this.children) child.kill('SIGKILL');
    this.network.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Starts a program of Spark on a host; the file of what it says. */
  private daemon({ address, prefix }: Host, name: string, [program, ...options]: string[]): string {
    const log = join(this.folder, `${name}.log`);
    const place = ['--host', address, '--webui-port', '0'];
    const [command, ...args] = [
      ...prefix,
      join(this.bin, 'spark-class'),
      `org.apache.spark.${program}`,
      ...place,
      ...options,
    ];
    const child = spawn(command, args, {
      env: {
        ...process.env,
        SPARK_LOCAL_IP: address,
        SPARK_DAEMON_MEMORY: '256m',
        PYSPARK_PYTHON: join(this.bin, 'python'),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr.pipe(createWriteStream(log));
    this.children.push(child);
    return log;
  }
}

function isExecutor(pid: string): boolean {
  try {
    return (
      /^\d+$/.test(pid) &&
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('CoarseGrainedExecutorBackend')
    );
  } catch {
    return false;
  }
}

function cwdOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

/** Waits for something, a few times a second. */
export async function until(done: () => boolean, what: string): Promise<void> {
  for (const end = Date.now() + PATIENCE; Date.now() < end; await wait(200))
    try {
      if (done()) return;
    } catch {
      // A file that is still to come.
    }
  throw new Error(`waited ${PATIENCE / 1000} s in vain for ${what}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
