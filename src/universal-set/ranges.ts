/** Which rows of a stream have come: disjoint ranges of row numbers. */

/** Ranges [start, end), ascending; neighbours are joined. */
export class Ranges {
  readonly list: [start: number, end: number][] = [];
  total = 0;

  /** The first range that has a row of [start, end), cut to it. */
  overlap(start: number, end: number): [number, number] | undefined {
    const found = this.list[this.firstAfter(start)];
    return found && found[0] < end ? [Math.max(start, found[0]), Math.min(end, found[1])] : undefined;
  }

  /** Whether all rows of [start, end) have come. */
  covers(start: number, end: number): boolean {
    const found = this.overlap(start, end);
    return found !== undefined && found[0] === start && found[1] === end;
  }

  /** Adds a range that overlaps none. */
  add(start: number, end: number): void {
    const { list } = this;
    this.total += end - start;
    let at = this.firstAfter(start);
    const joinsBefore = at > 0 && list[at - 1][1] === start;
    const joinsAfter = at < list.length && list[at][0] === end;
    const joined: [number, number] = [joinsBefore ? list[at - 1][0] : start, joinsAfter ? list[at][1] : end];
    if (joinsBefore) at--;
    list.splice(at, Number(joinsBefore) + Number(joinsAfter), joined);
  }

  /** Position of the first range that ends after `start`. */
  private firstAfter(start: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle][1] > start) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
