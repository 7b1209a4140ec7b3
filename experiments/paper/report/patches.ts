/** A picture of the selected patches: each image, then how many heads of the last layer select each of its patches, look by look. */
import { escapeText } from '../../../src/cli/report/chart.js';
import { light } from '../../../src/cli/report/palette.js';
import { thousands } from '../../../src/cli/text.js';
import type { Stability } from '../stability.js';

const TILE = 112;
const GAP = 10;
const TOP = 22;

/** Looks that are shown: the first, some between, the last. */
const SHOWN = 5;

/** SVG with a row for each image. */
export function patchesPicture({
  size,
  heads,
  pictures,
}: Pick<Stability, 'size' | 'heads' | 'pictures'>): string {
  const looks = pictures[0].looks;
  const count = Math.min(SHOWN, looks.length);
  const shown = Array.from({ length: count }, (_, i) =>
    Math.round((i * (looks.length - 1)) / Math.max(1, count - 1)),
  );
  const width = (shown.length + 1) * (TILE + GAP) - GAP;
  const height = TOP + pictures.length * (TILE + GAP);
  const titles = ['image', ...shown.map((look) => `${thousands(looks[look].images)} images`)];
  const text = titles.map(
    (title, i) =>
      `<text x="${i * (TILE + GAP)}" y="14" font-size="11" fill="${light.ink}">${escapeText(title)}</text>`,
  );
  const tiles = pictures.flatMap(({ pixels, looks: of }, row) => {
    const y = TOP + row * (TILE + GAP);
    const image = pixelsPath(pixels);
    return [
      tile(0, y, image),
      ...shown.map((look, i) =>
        tile((i + 1) * (TILE + GAP), y, `${image}${patches(of[look].counts.at(-1)!, size, heads)}`),
      ),
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" role="img" aria-label="Selected patches during training">${text.join('')}${tiles.join('')}</svg>`;
}

const tile = (x: number, y: number, inner: string) =>
  `<svg x="${x}" y="${y}" width="${TILE}" height="${TILE}" viewBox="0 0 1 1"><rect width="1" height="1" fill="#000"/>${inner}</svg>`;

/** The pixels in eight greys, each grey as one path of runs along the rows. */
function pixelsPath(pixels: readonly number[]): string {
  const side = Math.sqrt(pixels.length);
  const levels = new Map<number, string>();
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; ) {
      const level = Math.round((pixels[y * side + x] / 255) * 7);
      const start = x;
      while (x < side && Math.round((pixels[y * side + x] / 255) * 7) === level) x++;
      if (level > 0) levels.set(level, `${levels.get(level) ?? ''}M${start} ${y}h${x - start}v1H${start}z`);
    }
  const paths = [...levels].map(([level, path]) => {
    const grey = Math.round((level / 7) * 255);
    return `<path d="${path}" fill="rgb(${grey},${grey},${grey})"/>`;
  });
  return `<g transform="scale(${1 / side})" shape-rendering="crispEdges">${paths.join('')}</g>`;
}

/** Selected patches in colour, as opaque as there are heads that select them. */
function patches(
  counts: readonly number[],
  [rows, columns]: readonly [number, number],
  heads: number,
): string {
  const byCount = Array.from({ length: heads }, (_, i) => {
    const path = counts.flatMap((count, at) =>
      count === i + 1 ? [`M${at % columns} ${Math.floor(at / columns)}h1v1h-1z`] : [],
    );
    return path.length > 0
      ? `<path d="${path.join('')}" fill-opacity="${((0.85 * (i + 1)) / heads).toFixed(2)}"/>`
      : '';
  });
  return `<g transform="scale(${1 / columns} ${1 / rows})" fill="${light.bound}">${byCount.join('')}</g>`;
}
