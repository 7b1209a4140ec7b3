/**
 * Keys and values as the products of register tiles read them. Packing works on 4 x 4 pieces and does not mind edges: what it
 * reads and writes beyond them is overwritten by the next piece or lies in lanes that no result depends on. So arrays of rows
 * have room for a multiple of eight rows, and for three numbers more.
 */
import { TILE } from './records';
import { storeTransposed } from './transpose';

/** Keys [count, d] as panels of four. */
export function packKeys(keys: usize, count: i32, d: i32, target: usize): void {
  const stride = (<usize>d) << 2;
  for (let j = 0; j < count; j += 4) {
    for (let c: usize = 0; c < stride; c += 16) {
      const source = keys + c;
      storeTransposed(
        v128.load(source),
        v128.load(source + stride),
        v128.load(source + 2 * stride),
        v128.load(source + 3 * stride),
        target + (c << 2),
        16,
      );
    }
    keys += stride << 2;
    target += stride << 2;
  }
}

/** Values [count, dv] of a tile as panels of four columns. */
export function packValues(values: usize, count: i32, dv: i32, target: usize): void {
  const stride = (<usize>dv) << 2;
  for (let c: usize = 0; c < stride; c += 16) {
    let source = values + c;
    for (let j: usize = 0; j < (<usize>count) << 4; j += 16) {
      v128.store(target + j, v128.load(source));
      source += stride;
    }
    target += (<usize>TILE) << 4;
  }
}
