/** Hosts on this machine: network namespaces on a bridge, each with an address of its own; or, where they are not allowed, names for the loopback address. */
import { execFileSync } from 'node:child_process';

/** Machines that share nothing but a network and the disk. */
export interface Network {
  /** The address of this machine, as the others see it. */
  readonly own: string;
  readonly hosts: readonly Host[];
  /** Whether they are network namespaces. */
  readonly apart: boolean;
  close(): void;
}

/** A machine. */
export interface Host {
  readonly address: string;
  /** What a command line begins with that runs there. */
  readonly prefix: readonly string[];
}

const ip = (...args: string[]) =>
  execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

/** Removes what a process left that was killed. */
function removeLeftovers(): void {
  for (const [, space, bridge, pid] of ip('netns', 'list').matchAll(/^((lev(\d+))-\d+)\b/gm))
    try {
      process.kill(Number(pid), 0);
    } catch {
      removed(['netns', 'delete', space], ['link', 'delete', bridge]);
    }
}

/** Takes back what was made, as far as it was. */
function removed(...calls: readonly string[][]): void {
  for (const args of calls)
    try {
      ip(...args);
    } catch {
      // It is not there.
    }
}

/** Makes hosts; their addresses are of a network of this process's own. */
export function networkOf(count: number): Network {
  const id = process.pid % 200;
  const bridge = `lev${process.pid}`;
  const spaces = Array.from({ length: count }, (_, i) => `${bridge}-${i}`);
  const close = () =>
    removed(...spaces.map((space) => ['netns', 'delete', space]), ['link', 'delete', bridge]);
  try {
    removeLeftovers();
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('address', 'add', `10.213.${id}.1/24`, 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    const hosts = spaces.map((space, i): Host => {
      const address = `10.213.${id}.${i + 2}`;
      const [near, far] = [`v${process.pid}a${i}`, `v${process.pid}b${i}`];
      ip('netns', 'add', space);
      ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far);
      ip('link', 'set', far, 'netns', space);
      ip('link', 'set', near, 'master', bridge, 'up');
      const inside = ['-n', space] as const;
      ip(...inside, 'address', 'add', `${address}/24`, 'dev', far);
      ip(...inside, 'link', 'set', far, 'up');
      ip(...inside, 'link', 'set', 'lo', 'up');
      return { address, prefix: ['ip', 'netns', 'exec', space] };
    });
    return { own: `10.213.${id}.1`, hosts, apart: true, close };
  } catch {
    close();
    const host = { address: '127.0.0.1', prefix: [] };
    return { own: host.address, hosts: spaces.map(() => host), apart: false, close: () => {} };
  }
}
