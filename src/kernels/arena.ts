/** The memory that kernels share: any number of them may be alive, and none needs disposing of. */
import { rows } from './generated/rows.js';
import { KernelInstance, Layout, type RowExports } from './module.js';

/**
 * All kernels share one instance, and each has a region of its memory. When the regions exceed this many bytes, all are taken
 * back and given out anew as kernels are used again: a kernel saves what it holds, and puts it back when its turn comes.
 */
const ARENA_BYTES = 32 << 20;

/** Who has a region. */
export interface Resident {
  /** Gives up the region, saving what is in it. */
  evict(): void;
}

/** One instance and the regions of its memory. */
export class Arena {
  readonly instance = new KernelInstance<RowExports>(rows);
  private residents: Resident[] = [];
  private end = Layout.START;

  /** A region for a kernel, laid out from a start address. */
  claim<Region extends { readonly end: number }>(owner: Resident, layOut: (start: number) => Region): Region {
    let region = layOut(this.end);
    if (region.end > ARENA_BYTES && this.residents.length > 0) {
      for (const resident of this.residents) resident.evict();
      this.residents = [];
      region = layOut(Layout.START);
    }
    this.residents.push(owner);
    this.end = region.end;
    this.instance.reserve(region.end);
    return region;
  }
}

let shared: Arena | undefined;

/** The one arena of this thread, made at first use. */
export function sharedArena(): Arena {
  shared ??= new Arena();
  return shared;
}
