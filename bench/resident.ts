/** Resident memory of this process, in bytes, by the kernel's account of it (Linux). */
import { readFileSync, writeFileSync } from 'node:fs';

/** VmRSS is what it holds now, VmHWM the most that it ever held. */
export function residentMemory(name: 'VmRSS' | 'VmHWM'): number {
  const line = readFileSync('/proc/self/status', 'utf8').match(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm'));
  return Number(line?.[1]) * 1024;
}

/** Sets the highest resident memory back to the present one. */
export function forgetPeak(): void {
  writeFileSync('/proc/self/clear_refs', '5');
}
