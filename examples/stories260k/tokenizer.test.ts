import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { sharedData } from '../../test/data.js';
import { BEGIN, END, loadTokenizer, type Tokenizer } from './tokenizer.js';

/** A tokenizer file of the 259 special tokens and bytes, and pieces of a and b of rising score. */
function smallFile(): Uint8Array {
  const names = ['<unk>', '\n<s>\n', '\n</s>\n', ...Array.from({ length: 256 }, (_, byte) => `<${byte}>`)];
  const rows: [string, number][] = [
    ...names.map((name): [string, number] => [name, 0]),
    ...[' ', 'a', 'b', 'abab', 'ab', 'ba', 'aa'].map((piece, i): [string, number] => [piece, i]),
  ];
  const encoded = rows.map(([piece, score]) => ({ text: new TextEncoder().encode(piece), score }));
  const bytes = new Uint8Array(4 + encoded.reduce((sum, { text }) => sum + 8 + text.length, 0));
  const view = new DataView(bytes.buffer);
  view.setInt32(0, Math.max(...encoded.map(({ text }) => text.length)), true);
  let offset = 4;
  for (const { text, score } of encoded) {
    view.setFloat32(offset, score, true);
    view.setInt32(offset + 4, text.length, true);
    bytes.set(text, offset + 8);
    offset += 8 + text.length;
  }
  return bytes;
}

const anyText = fc.string({ unit: 'binary', maxLength: 60 });

describe('a small tokenizer', () => {
  const { pieces, encode, decode } = loadTokenizer(smallFile());
  const words = (text: string) => encode(text).map((token) => pieces[token]);

  it('merges the best pair first, and the leftmost of equals', () => {
    expect(words('ab')).toEqual(['\n<s>\n', ' ', 'ab']);
    expect(words('aba')).toEqual(['\n<s>\n', ' ', 'a', 'ba']);
    expect(words('abab')).toEqual(['\n<s>\n', ' ', 'a', 'ba', 'b']); // so ab + ab never meet
    expect(words('aaa')).toEqual(['\n<s>\n', ' ', 'aa', 'a']);
    expect(words('aaaa')).toEqual(['\n<s>\n', ' ', 'aa', 'aa']);
  });

  it('spells what has no piece in bytes, and only that', () => {
    expect(encode('\n')).toEqual([BEGIN, encode(' ')[1], 3 + 10]);
    expect(encode('€').slice(-3)).toEqual([3 + 0xe2, 3 + 0x82, 3 + 0xac]);
    expect(encode('')).toEqual([BEGIN]);
  });

  it('decodes what it encoded, whatever the text, the names of special tokens included', () => {
    fc.assert(fc.property(anyText, (text) => decode(encode(text)) === text));
    for (const text of ['<unk>', '\n<s>\n', '<65>', ' ', '  a', '\ufeffa'])
      expect(decode(encode(text))).toBe(text);
  });

  it('shows nothing for BEGIN and END, and keeps the space of a later part', () => {
    expect(decode([...encode('ab'), END])).toBe('ab');
    expect(decode(encode('ab').slice(1))).toBe(' ab');
  });

  it.each([-1, 266, 1.5, Number.NaN])('refuses the token %s', (token) => {
    expect(() => decode([token])).toThrow(
      new RangeError(`decode: a token must be in [0, 266), got ${token}`),
    );
  });

  it('refuses damaged files in one line', () => {
    const good = smallFile();
    const damaged = (damage: (view: DataView) => void) => {
      const bytes = good.slice();
      damage(new DataView(bytes.buffer));
      return bytes;
    };
    for (const [bytes, message] of [
      [new Uint8Array(), /at least 259 tokens are needed, got 0$/],
      [good.slice(0, 3), /at least 259 tokens are needed, got 0$/],
      [good.slice(0, 400), /at least 259 tokens are needed, got \d+$|must lie within/],
      [good.slice(0, -1), /token 265 at byte \d+ must lie within the file of \d+ bytes$/],
      [good.slice(0, -7), /token 265 at byte \d+ must lie within/],
      [damaged((view) => view.setInt32(8, -5, true)), /token 0 at byte 4 must lie within/],
      [damaged((view) => view.setInt32(8, 2 ** 31 - 1, true)), /token 0 at byte 4 must lie within/],
      [damaged((view) => view.setFloat32(4, Number.NaN, true)), /token 0 at byte 4 must have a finite score/],
      [damaged((view) => view.setUint8(12, 0xff)), /token 0 at byte 4 must have a finite score and text/],
      [damaged((view) => view.setInt32(0, 99, true)), /the longest piece has 6 bytes, got 99$/],
    ] as const) {
      expect(() => loadTokenizer(bytes)).toThrow(RangeError);
      expect(() => loadTokenizer(bytes)).toThrow(message);
    }
  });
});

const folder = sharedData('stories260K');

describe.skipIf(!folder)('the published tokenizer', () => {
  let tokenizer: Tokenizer;
  beforeAll(() => {
    tokenizer = loadTokenizer(readFileSync(join(folder as string, 'tok512.bin')));
  });

  it('has 512 tokens and splits a sentence into them', () => {
    expect(tokenizer.pieces).toHaveLength(512);
    expect(tokenizer.encode('Once upon a time, boats!').map((token) => tokenizer.pieces[token])).toEqual([
      '\n<s>\n',
      ' Once',
      ' upon',
      ' a',
      ' time',
      ',',
      ' b',
      'o',
      'at',
      's',
      '!',
    ]);
  });

  it('decodes what it encoded', () => {
    fc.assert(fc.property(anyText, (text) => tokenizer.decode(tokenizer.encode(text)) === text));
    const story = readFileSync(new URL('story.txt', import.meta.url), 'utf8');
    expect(tokenizer.decode(tokenizer.encode(story))).toBe(story);
  });
});
