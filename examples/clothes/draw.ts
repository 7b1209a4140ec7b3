/** Draws the pictures of clothes beside this file: npx tsx examples/clothes/draw.ts */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import { type Drawing, drawings, type Point } from './shapes.js';

const size = 28;
/** Points looked at in each direction of a pixel, so that edges are smooth. */
const fine = 4;

/** A drawing as a grey PNG file of 28 x 28 pixels. */
export function pngOf(drawing: Drawing): Buffer {
  const rows = Buffer.alloc(size * (size + 1));
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) rows[y * (size + 1) + 1 + x] = greyOf(drawing, x, y);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header[8] = 8;
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** The mean grey of a pixel. */
function greyOf(drawing: Drawing, x: number, y: number): number {
  let sum = 0;
  for (let i = 0; i < fine * fine; i++) {
    const point = [x + ((i % fine) + 0.5) / fine, y + (Math.floor(i / fine) + 0.5) / fine] as const;
    sum += drawing.findLast(({ outline }) => isInside(outline, point))?.grey ?? 0;
  }
  return Math.round(sum / (fine * fine));
}

/** Whether a ray from the point to the right crosses the outline an odd number of times. */
function isInside(outline: readonly Point[], [x, y]: Point): boolean {
  return (
    outline.filter(([x1, y1], i) => {
      const [x0, y0] = outline.at(i - 1)!;
      return y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0);
    }).length %
      2 ===
    1
  );
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  for (const [name, drawing] of Object.entries(drawings))
    writeFileSync(new URL(`${name}.png`, import.meta.url), pngOf(drawing));
