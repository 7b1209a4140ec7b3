/** The shape of a vision transformer: sizes, defaults, and the checks of what a configuration file says. */

/** Sizes of a model. Tokens are the patches of the image in rows, after the class token. */
export interface VitShape {
  /** Height and width of the image; multiples of the patch. */
  readonly image: readonly [height: number, width: number];
  readonly channels: number;
  /** Height and width of a patch. */
  readonly patch: number;
  /** D, numbers of a token: a multiple of 4 and of the heads. */
  readonly width: number;
  /** Blocks. */
  readonly depth: number;
  readonly heads: number;
  /** F, numbers of a token inside the MLP: a multiple of 4. */
  readonly hidden: number;
  readonly classes: number;
  /** Learned positions, or fixed ones: sines and cosines of row and column, none for the class token. */
  readonly positions: 'learned' | 'sincos2d';
  /** Added to the variance in layer norms. */
  readonly epsilon: number;
}

/** The geometry of the paper's S/16 on small images: 28 x 28 in patches of 2 x 2, which is 197 tokens. */
export const defaultShape: VitShape = {
  image: [28, 28],
  channels: 1,
  patch: 2,
  width: 64,
  depth: 4,
  heads: 4,
  hidden: 256,
  classes: 10,
  positions: 'learned',
  epsilon: 1e-6,
};

/** n, the tokens of an image: its patches and the class token. */
export function tokensOf({ image: [height, width], patch }: VitShape): number {
  return (height / patch) * (width / patch) + 1;
}

/** Numbers of a patch: channels, then rows, then columns, as a convolution's weights have them. */
export function patchSize({ channels, patch }: VitShape): number {
  return channels * patch * patch;
}

/** Beyond these, a model is a mistake rather than a plan for a processor. */
const MOST = { size: 4096, tokens: 16_384, depth: 256 };

/** In float32, the square of 1 / sqrt(epsilon) must be finite. */
const LEAST_EPSILON = 1e-30;

/**
 * A complete shape from the parts that are given; the hidden size is four times the width unless given.
 *
 * @throws RangeError, TypeError in one line for anything that is no shape.
 */
export function vitShape(given: Partial<VitShape>, where = 'vitShape'): VitShape {
  checkNames(given, Object.keys(defaultShape), where);
  const width = given.width ?? defaultShape.width;
  const shape: VitShape = { ...defaultShape, hidden: 4 * width, ...given };
  const { image, patch, heads, positions, epsilon } = shape;
  if (!(Array.isArray(image) && image.length === 2))
    throw new TypeError(`${where}: image must be [height, width], got ${shown(image)}`);
  const sizes = { height: image[0], width: image[1] };
  for (const [name, size] of Object.entries(sizes)) checkWhole(size, MOST.size, `image ${name}`, where);
  for (const name of ['channels', 'patch', 'width', 'heads', 'hidden', 'classes'] as const)
    checkWhole(shape[name], MOST.size * 4, name, where);
  checkWhole(shape.depth, MOST.depth, 'depth', where);
  if (image[0] % patch !== 0 || image[1] % patch !== 0)
    throw new RangeError(`${where}: image must be a multiple of patch = ${patch}, got [${image}]`);
  if (tokensOf(shape) > MOST.tokens)
    throw new RangeError(
      `${where}: image and patch must give at most ${MOST.tokens} tokens, got ${tokensOf(shape)}`,
    );
  if (width % heads !== 0)
    throw new RangeError(`${where}: width must be a multiple of heads = ${heads}, got ${width}`);
  if ((width / heads) % 4 !== 0)
    throw new RangeError(`${where}: width / heads must be a multiple of 4, got ${width / heads}`);
  if (shape.hidden % 4 !== 0)
    throw new RangeError(`${where}: hidden must be a multiple of 4, got ${shape.hidden}`);
  if (positions !== 'learned' && positions !== 'sincos2d')
    throw new RangeError(`${where}: positions must be 'learned' or 'sincos2d', got ${shown(positions)}`);
  if (!(typeof epsilon === 'number' && epsilon >= LEAST_EPSILON && epsilon < 1))
    throw new RangeError(`${where}: epsilon must be in [${LEAST_EPSILON}, 1), got ${shown(epsilon)}`);
  return shape;
}

/** Refuses what is no object, and names that are not known: a misspelt one would silently leave the default. */
export function checkNames(given: unknown, known: readonly string[], where: string): void {
  if (given === null || typeof given !== 'object' || Array.isArray(given))
    throw new TypeError(`${where}: must be an object, got ${shown(given)}`);
  for (const name of Object.keys(given))
    if (!known.includes(name))
      throw new RangeError(`${where}: must have no other names than ${known.join(', ')}, got ${shown(name)}`);
}

/** Refuses what is no whole number in [least, most]. */
export function checkWhole(value: unknown, most: number, name: string, where: string, least = 1): void {
  if (!(Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most))
    throw new RangeError(
      `${where}: ${name} must be a whole number from ${least} to ${most}, got ${shown(value)}`,
    );
}

/** A value in a message: as JSON where that is short, and numbers that JSON has no word for as they are. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 100 ? `${text.slice(0, 97)}...` : text;
  } catch {
    return 'what cannot be written';
  }
}
