/** A place in the text of a header, for the parsers of .npy and .safetensors. */
import { quoted } from './bytes.js';

const SPACE = /[ \t\r\n]*/y;
const DIGITS = /(?:0|[1-9]\d*)(?![\d.eE_])/y;

/** Walks through a text token by token; what does not fit is reported with the place where it stands. */
export class Cursor {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly fail: (rule: string) => never,
  ) {}

  /** Whether the next token is this one; if so, goes past it. */
  eat(token: string): boolean {
    this.skipSpace();
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  /** Goes past this token, which must come next. */
  expect(token: string): void {
    if (!this.eat(token)) this.refuse(`'${token}'`);
  }

  /** Whether only white space is left. */
  atEnd(): boolean {
    this.skipSpace();
    return this.at === this.text.length;
  }

  /** Non-negative decimal digits without a sign, a fraction, an exponent or leading zeros, as a number. */
  wholeNumber(): number {
    this.skipSpace();
    DIGITS.lastIndex = this.at;
    const found = DIGITS.exec(this.text) ?? this.refuse('a whole number');
    this.at = DIGITS.lastIndex;
    return Number(found[0]);
  }

  /** A text in one of these quotes, with them, up to the next such quote that no backslash escapes. */
  quotedText(quotes: string): string {
    this.skipSpace();
    const start = this.at;
    const quote = this.text.charAt(start);
    if (quote === '' || !quotes.includes(quote)) this.refuse('a text in quotes');
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== quote) end += this.text[end] === '\\' ? 2 : 1;
    if (end >= this.text.length) this.refuse('a text with a closing quote');
    this.at = end + 1;
    return this.text.slice(start, this.at);
  }

  /** Reports that something else was expected here. */
  refuse(expected: string): never {
    const next = this.text.slice(this.at, this.at + 12);
    const got = next === '' ? 'the end' : quoted(next);
    return this.fail(`the header needs ${expected} at character ${this.at + 1}, got ${got}`);
  }

  private skipSpace(): void {
    SPACE.lastIndex = this.at;
    SPACE.test(this.text);
    this.at = SPACE.lastIndex;
  }
}
