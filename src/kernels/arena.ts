/** The memory that kernels share: any number of them may be alive, and none needs disposing of. */
import { rows } from './generated/rows.js';
import { KernelInstance, Layout, type RowExports } from './module.js';

/**
 * All kernels share one instance, and each has a region of its memory. When the regions exceed this many bytes, all are taken
 * back and given out anew as kernels are used again, with their plans. Few, so that
 * kernels of many small matrices, one after the other, find memory that is in the cache.
 */
const ARENA_BYTES = 4 << 20;
/** As many kernels of one size as work in turns have room, however large they are. */
const IN_TURNS = 6;

/** Who has a region. */
export interface Resident {
  /** Gives up the region. */
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
    const most = Math.max(ARENA_BYTES, IN_TURNS * (region.end - this.end));
    if (region.end > most && this.residents.length > 0) {
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
