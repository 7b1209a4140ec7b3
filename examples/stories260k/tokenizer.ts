/** The byte-pair tokenizer of stories260K: text to tokens by merging the neighbours of highest score, and back. */

/** The token before every text. */
export const BEGIN = 1;
/** The token after every text. */
export const END = 2;
const FIRST_BYTE = 3; // bytes 0..255 are tokens 3..258
const FIRST_PIECE = FIRST_BYTE + 256; // pieces of text follow

export interface Tokenizer {
  /** [vocab]: the text of each token; special tokens and bytes have names such as <0x0A>. */
  readonly pieces: readonly string[];
  /** BEGIN and the tokens of the text. */
  encode(text: string): number[];
  /** The text of tokens, in which BEGIN and END show nothing. */
  decode(tokens: readonly number[]): string;
}

/**
 * Reads a tokenizer file: int32 length of the longest piece in bytes, then for each token float32 score, int32 length
 * and the bytes in UTF-8; all little-endian. Throws a RangeError for a file that is cut off or contradicts itself.
 */
export function loadTokenizer(bytes: Uint8Array): Tokenizer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const utf8 = new TextDecoder();
  const pieces: string[] = [];
  const scores: number[] = [];
  let longest = 0;
  for (let offset = 4; offset < bytes.length; ) {
    const text = offset + 8;
    const length = text <= bytes.length ? view.getInt32(offset + 4, true) : 0;
    const token = `token ${pieces.length} at byte ${offset}`;
    if (length < 1 || text + length > bytes.length)
      throw new RangeError(`loadTokenizer: ${token} must lie within the file of ${bytes.length} bytes`);
    const score = view.getFloat32(offset, true);
    const piece = utf8.decode(bytes.subarray(text, text + length));
    if (!Number.isFinite(score) || piece.includes('\ufffd'))
      throw new RangeError(
        `loadTokenizer: ${token} must have a finite score and text, got ${score}, ${piece}`,
      );
    scores.push(score);
    pieces.push(piece);
    longest = Math.max(longest, length);
    offset = text + length;
  }
  if (pieces.length < FIRST_PIECE)
    throw new RangeError(`loadTokenizer: at least ${FIRST_PIECE} tokens are needed, got ${pieces.length}`);
  if (view.getInt32(0, true) !== longest)
    throw new RangeError(
      `loadTokenizer: the longest piece has ${longest} bytes, got ${view.getInt32(0, true)}`,
    );
  return bytePairs(pieces, scores);
}

/** The tokenizer of the given pieces, in which a merge of higher score comes first, and of equal ones the leftmost. */
function bytePairs(pieces: readonly string[], scores: readonly number[]): Tokenizer {
  const tokenOf = new Map(pieces.map((piece, token) => [piece, token] as const).slice(FIRST_PIECE));
  const toBytes = new TextEncoder();
  const toText = new TextDecoder('utf-8', { ignoreBOM: true });

  function encode(text: string): number[] {
    // The space in front gives a word at the beginning the token that it has elsewhere.
    const tokens = Array.from(text && ` ${text}`, (character) => {
      const token = tokenOf.get(character);
      return token ?? Array.from(toBytes.encode(character), (byte) => FIRST_BYTE + byte);
    }).flat();
    for (;;) {
      let best = { score: Number.NEGATIVE_INFINITY, at: -1, token: -1 };
      for (let at = 0; at + 1 < tokens.length; at++) {
        const token = tokenOf.get(pieces[tokens[at]] + pieces[tokens[at + 1]]);
        if (token !== undefined && scores[token] > best.score) best = { score: scores[token], at, token };
      }
      if (best.at < 0) return [BEGIN, ...tokens];
      tokens.splice(best.at, 2, best.token);
    }
  }

  function decode(tokens: readonly number[]): string {
    const bytes = tokens.flatMap((token) => {
      if (!(token in pieces))
        throw new RangeError(`decode: a token must be in [0, ${pieces.length}), got ${token}`);
      if (token >= FIRST_PIECE) return [...toBytes.encode(pieces[token])];
      return token >= FIRST_BYTE ? [token - FIRST_BYTE] : [];
    });
    const text = toText.decode(Uint8Array.from(bytes));
    return tokens[0] === BEGIN && text.startsWith(' ') ? text.slice(1) : text;
  }

  return { pieces, encode, decode };
}
