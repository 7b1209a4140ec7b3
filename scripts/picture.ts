/** Draws docs/universal-sets-{light,dark}.svg, the picture of the README: npx tsx scripts/picture.ts. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dark, light, standAlone } from '../src/cli/report/palette.js';
import { overviewChart } from '../src/cli/report/position-chart.js';
import { universalSet } from '../src/index.js';
import { openTensors } from '../src/io/index.js';

const file = await openTensors(
  new Uint8Array(readFileSync(new URL('../examples/data/stories260k.safetensors', import.meta.url))),
);
const heads = [];
for (const name of file.names.filter((tensor) => tensor.endsWith('.k'))) {
  const result = universalSet((await file.open(name)).read(), { epsilon: 0.03 });
  if (!('heads' in result)) throw new Error(`${name} must have four dimensions`);
  for (const { head, n, indices } of result.heads)
    heads.push({
      label: `${name.replace('.k', '').replace('layer', 'layer ')}, head ${head}`,
      n,
      kept: indices,
    });
}
const svg = await overviewChart(heads);
for (const [name, palette] of Object.entries({ light, dark }))
  writeFileSync(new URL(`../docs/universal-sets-${name}.svg`, import.meta.url), standAlone(svg, palette));
