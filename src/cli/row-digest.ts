/** A digest of rows in their order that a later process can go on with: SHA-256 of each block of them after the digest before it. */
import { createHash } from 'node:crypto';
import { BLOCK_ROWS } from '../kernels/kernels.js';
import type { Floats } from '../keys.js';

/** Rows in, a digest out: the same however the rows are cut into pieces. Less than a second for a gigabyte where the processor has instructions for it. */
export class RowDigest {
  /** The bytes of the rows after the last whole block. */
  rest: Uint8Array = new Uint8Array(0);

  constructor(
    private readonly d: number,
    /** The digest of all whole blocks, empty while there is none. One that is given is gone on from: the rows after it come in next. */
    public blocks = '',
  ) {}

  /** Rows of one type, as the source has them. */
  add(rows: Floats): void {
    const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    const block = BLOCK_ROWS * this.d * rows.BYTES_PER_ELEMENT;
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + block - this.rest.length);
      at += part.length;
      const whole = this.rest.length > 0 ? Buffer.concat([this.rest, part]) : part;
      if (whole.length < block) this.rest = whole.slice();
      else {
        this.blocks = createHash('sha256').update(this.blocks).update(whole).digest('hex');
        this.rest = new Uint8Array(0);
      }
    }
  }
}
