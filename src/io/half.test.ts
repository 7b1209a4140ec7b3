import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBF16, decodeF16, encodeBF16, encodeF16 } from './half.js';

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The definition of a binary floating-point number with 5 or 8 exponent bits. */
function meaning(bits: number, exponentBits: 5 | 8): number {
  const fractionBits = 15 - exponentBits;
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >>> fractionBits;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias));
}

describe.each([
  { type: 'F16', decode: decodeF16, encode: encodeF16, exponentBits: 5 },
  { type: 'BF16', decode: decodeBF16, encode: encodeBF16, exponentBits: 8 },
] as const)('$type', ({ decode, encode, exponentBits }) => {
  const decoded = new Float32Array(65536);
  decode(all, decoded);

  it('decodes every one of its 65536 numbers by definition', () => {
    const wrong = [...all].filter((bits) => !Object.is(decoded[bits], meaning(bits, exponentBits)));
    expect(wrong).toEqual([]);
  });

  it('encodes every one of its numbers as itself', () => {
    const encoded = encode(decoded);
    const wrong = [...all].filter((bits) =>
      Number.isNaN(decoded[bits])
        ? !Number.isNaN(meaning(encoded[bits], exponentBits))
        : encoded[bits] !== bits,
    );
    expect(wrong).toEqual([]);
  });

  it('rounds to the nearest number, and to the even one of two', () => {
    const finite = [...all].filter((bits) => bits < 0x8000 && Number.isFinite(decoded[bits]));
    // Beyond the largest number the next step up stands for infinity.
    const value = (bits: number): number =>
      bits < finite.length ? decoded[bits] : 2 ** (2 ** (exponentBits - 1));
    const lower = fc.integer({ min: 0, max: finite.length - 1 });
    fc.assert(
      fc.property(lower, fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), (bits, part, negative) => {
        const [below, above] = [value(bits), value(bits + 1)];
        const x = below + part * (above - below);
        const middle = (below + above) / 2;
        const nearest = x < middle || (x === middle && bits % 2 === 0) ? bits : bits + 1;
        expect(encode([negative ? -x : x])[0]).toBe(nearest | (negative ? 0x8000 : 0));
      }),
      { numRuns: 2000 },
    );
  });

  it('rounds halves and what lies next to them the right way', () => {
    for (let bits = 0; bits < 0x7c00; bits += 37) {
      const middle = (meaning(bits, exponentBits) + meaning(bits + 1, exponentBits)) / 2;
      if (!Number.isFinite(middle)) continue;
      expect(encode([middle])[0]).toBe(bits % 2 === 0 ? bits : bits + 1);
      // A detour through float32 would round the first of these to the middle and then the wrong way.
      expect(encode([middle * (1 + 2 ** -50)])[0]).toBe(bits + 1);
      expect(encode([middle * (1 - 2 ** -50)])[0]).toBe(bits);
    }
  });

  it('encodes what is too large as infinity and what is too small as zero', () => {
    const infinity = exponentBits === 5 ? 0x7c00 : 0x7f80;
    expect([...encode([1e300, -1e300, Infinity, 1e-320, -1e-320])]).toEqual([
      infinity,
      infinity | 0x8000,
      infinity,
      0,
      0x8000,
    ]);
  });
});
