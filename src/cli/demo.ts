/** `levattention demo`: the main job on the attention of a real language model, with its proof, and the report beside it. */
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { exactAttention } from '../attention/exact.js';
import { levAttention } from '../attention/lev-attention.js';
import { openTensors } from '../io/index.js';
import { headsOf, type Tensor } from '../keys.js';
import type { CallOptions } from '../steps.js';
import { openFile, writeFileAtomic } from './file-source.js';
import { parseEpsilon } from './options.js';
import { checkOutput } from './outputs.js';
import { worstQueries } from './proof.js';
import type { HeadFigures, ReportFigures } from './report/figures.js';
import { defaultEpsilon, measure } from './report/measure.js';
import { reportPage } from './report/page.js';
import { randomSeeds, spokenCount } from './report/trials.js';
import { acrossHeads, realQueries, spanOf, spreadOf } from './report/words.js';
import type { Session } from './session.js';
import { number, percent, seconds, table, thousands } from './text.js';

interface DemoOptions {
  readonly epsilon?: string;
  readonly output: string;
}

/** The queries, keys and values that one layer of the model saw. */
interface Layer {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

interface Capture {
  readonly layers: readonly Layer[];
  readonly tokens: readonly string[];
}

/** The command. */
export function demoCommand({ call, print }: Session): Command {
  return new Command('demo')
    .summary('a first look, on the attention of a real language model')
    .description(
      'Takes the attention of stories260K, a small language model, over a short story: which of the keys can ever be ' +
        'heavy, the proof that none is missing, and what attention over few keys costs. Takes a few seconds, needs no ' +
        'network, and writes a page with pictures.',
    )
    .option('--epsilon <e>', 'threshold of the attention score, in (0, 1]; twice the mean score unless given')
    .option('-o, --output <file.html>', 'the page to write', 'levattention-report.html')
    .addHelpText('after', '\nExample:\n  levattention demo --epsilon 0.1')
    .action(async (options: DemoOptions) => print(await demo(options, call)));
}

async function demo(options: DemoOptions, call: CallOptions): Promise<string> {
  const started = performance.now();
  checkOutput(options.output, ['.html'], '-o', [capturePath]);
  const { layers, tokens } = await readCapture();
  const keys = headsOf(layers[0].k, 'demo: k');
  const epsilon =
    options.epsilon === undefined ? defaultEpsilon(keys.n, keys.d) : parseEpsilon(options.epsilon);
  const measured = [];
  for (const [layer, { q, k, v }] of layers.entries()) {
    const label = (_: number, head: number) => `layer ${layer}, head ${head}`;
    measured.push(await measure(q, k, v, { epsilon, causal: true, label, ...call }));
  }
  const figures: ReportFigures = {
    title: 'The few keys that can ever matter',
    source: `Attention of stories260K, a language model of ${layers.length} layers with 8 query and 4 key heads of 8 dimensions each, over a story of ${tokens.length} tokens.`,
    epsilon,
    causal: true,
    pickCount: spokenCount(measured[0].setting),
    queries: { measured: headsOf(measured[0].setting.q, 'demo: q').n, all: keys.n },
    prompt: measured[0].setting.prompt,
    randomSeeds,
    heads: measured.flatMap(({ heads }) => heads),
    tokens,
  };
  const text = [
    ...introduction(figures),
    ...whichKeys(figures),
    ...proof(layers, figures),
    ...cost(figures, layers),
  ];
  writeFileAtomic(options.output, [await reportPage(figures)]);
  text.push(
    '',
    `Pictures of all of this: ${options.output}`,
    `Took ${seconds((performance.now() - started) / 1000)}.`,
  );
  return text.join('\n');
}

/** The capture lies beside the program, in a checkout as in the installed package. */
const capturePath = fileURLToPath(new URL('../examples/data/stories260k.safetensors', import.meta.url));

async function readCapture(): Promise<Capture> {
  const file = await openTensors(openFile(capturePath));
  const layers: Layer[] = [];
  for (let i = 0; file.names.includes(`layer${i}.q`); i++) {
    const [q, k, v] = await Promise.all(
      ['q', 'k', 'v'].map(async (name) => (await file.open(`layer${i}.${name}`)).read()),
    );
    layers.push({ q, k, v });
  }
  return { layers, tokens: JSON.parse(file.metadata.get('tokens')!) };
}

function introduction({ tokens, heads, epsilon }: ReportFigures): string[] {
  return [
    `The attention of a small language model over a story of ${tokens!.length} tokens: ${heads.length} sets of ${heads[0].n} keys.`,
    `A key is heavy when a query gives it ${percent(epsilon)} or more of its whole weight, the sum of (q.k)^2 over all keys.`,
    '',
  ];
}

function whichKeys({ heads, epsilon, tokens }: ReportFigures): string[] {
  const sizes = spreadOf(heads.map(({ kept }) => kept.length));
  const [{ n, sizeBound }] = heads;
  const rows = heads.map(({ label, kept }) => [label, `${kept.length}`, blocks(kept, n, 64)]);
  const shown = heads.find(({ kept }) => kept.length === sizes.median)!;
  return [
    '1. Which keys can ever be heavy (guaranteed)',
    '',
    `${spanOf(sizes)} of ${n} keys, for every query there could be. The theory's bound, rank / epsilon, is ${Math.floor(Math.min(n, sizeBound))} (epsilon = ${epsilon}).`,
    '',
    indented(table([['', 'keys', 'where in the story'], ...rows], ['', 'where in the story'])),
    '',
    `In the text, the ${shown.kept.length} of ${shown.label}:`,
    '',
    indented(marked(tokens!, shown)),
    '',
  ];
}

/** A row of blocks: the higher, the more of the positions below it are kept. */
export function blocks(kept: readonly number[], n: number, width: number): string {
  const counts = new Float64Array(Math.min(width, n));
  const sizes = new Float64Array(counts.length);
  for (let j = 0; j < n; j++) sizes[Math.floor((j * counts.length) / n)]++;
  for (const j of kept) counts[Math.floor((j * counts.length) / n)]++;
  const levels = '\u00b7\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588';
  return Array.from(counts, (count, i) => levels[Math.ceil((count / sizes[i]) * 8)]).join('');
}

/** The story with the tokens in brackets, in colour on a terminal, that the head's set keeps. */
function marked(tokens: readonly string[], { kept }: HeadFigures): string {
  const colours = process.stdout.isTTY && !process.env.NO_COLOR;
  const [open, close] = colours ? ['\u001b[7m', '\u001b[27m'] : ['[', ']'];
  const inside = new Set(kept);
  const text = tokens
    .map((token) => token.replace('<0x0A>', '\n').replace(/^\n<s>\n$/, '<begin>'))
    .map((token, j) => {
      if (!inside.has(j)) return token;
      const [, space, word] = /^( ?)(.*)$/s.exec(token)!;
      return `${space}${open}${word === '\n' ? '\u21b5' : word}${close}${word === '\n' ? '\n' : ''}`;
    })
    .join('');
  return text
    .split('\n')
    .flatMap((line) => wrapped(line, 92))
    .join('\n');
}

function wrapped(line: string, width: number): string[] {
  const lines = [''];
  for (const word of line.split(' ')) {
    const last = lines.at(-1)!;
    // Terminal codes take no room, but counting them only makes a line a little shorter.
    if (last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
}

function proof(layers: readonly Layer[], { heads, epsilon }: ReportFigures): string[] {
  const { scores, heavy, outside } = realQueries(heads);
  const worst = layers.flatMap(({ k }, layer) => {
    const { list } = headsOf(k, 'demo: k');
    return list.map(({ matrix }, i) => {
      const { kept, scores } = heads[layer * list.length + i];
      return worstQueries(matrix, new Map(kept.map((key) => [key, scores[key]])));
    });
  });
  const inside = heads.reduce((sum, { kept }) => sum + kept.length, 0);
  const dropped = heads.reduce((sum, { n, kept }) => sum + n - kept.length, 0);
  const least = Math.min(...worst.map(({ leastInside }) => leastInside));
  const most = Math.max(...worst.map(({ mostOutside }) => mostOutside));
  const difference = Math.max(...worst.map((found) => found.difference));
  return [
    '2. The proof that none is missing, by plain sums over all keys',
    '',
    indented(
      [
        `Real queries    ${thousands(scores)} scores computed one by one: ${thousands(heavy)} are ${epsilon} or more,`,
        `                ${thousands(heavy - outside)} of these on keys of the set, ${thousands(outside)} outside.`,
        'Worst queries   No query gives key k more than y = (K^T K)^-1 k does (Cauchy-Schwarz), so that one query',
        `                decides about the key. Tried for all ${thousands(inside + dropped)} keys:`,
        `  kept          all ${thousands(inside)} reach ${number(least)} or more, as computed (to ${number(difference)}): none is kept needlessly.`,
        `  left out      none of ${thousands(dropped)} gets beyond ${number(most)}: no query whatever makes them heavy.`,
      ].join('\n'),
    ),
    '',
  ];
}

function cost({ heads, queries, pickCount, prompt }: ReportFigures, layers: readonly Layer[]): string[] {
  const curves = acrossHeads(heads);
  const counts = curves[0].counts.filter((count) => count >= pickCount / 2 && count <= pickCount * 2);
  const places = counts.map((count) => curves[0].counts.indexOf(count));
  const last = places.length - 1;
  const ranked = [...curves].sort((a, b) => a.error[places[last]] - b.error[places[last]]);
  const rows = ranked.map(({ selector, error, mass }) => [
    selector,
    ...places.flatMap((at) => [percent(error[at]), percent(mass[at])]),
  ]);
  const heading = ['selector', ...counts.flatMap((count) => [`${count} keys: error`, 'mass'])];
  const [exact, few] = timings(layers, pickCount);
  return [
    '3. What softmax attention over few keys costs (a heuristic: measured, not promised)',
    '',
    `As a cache is used: when ${prompt} tokens are read, their keys are cut down to a few; the ${queries.measured} tokens that follow attend to`,
    'these and to all keys since. Error of the output against attention over all keys, and softmax mass kept; means over',
    'all heads. snapkv looks at the last queries of the prompt, the oracle at those to come, which nobody has.',
    '',
    indented(table([heading, ...rows], ['selector'])),
    '',
    `Time for all ${layers.length} layers: ${milliseconds(exact)} over all keys, ${milliseconds(few)} over ${pickCount} keys of each head, their choice included.`,
  ];
}

/** Median seconds for all layers: exact attention, and attention over few keys with their selection. */
function timings(layers: readonly Layer[], keys: number): [number, number] {
  const median = (attend: (layer: Layer) => unknown) => {
    const times = Array.from({ length: 5 }, () => {
      const started = performance.now();
      for (const layer of layers) attend(layer);
      return (performance.now() - started) / 1000;
    });
    return times.sort((a, b) => a - b)[2];
  };
  return [
    median(({ q, k, v }) => exactAttention(q, k, v, { mask: 'causal' })),
    median(({ q, k, v }) => levAttention(q, k, v, { keys, mask: 'causal' })),
  ];
}

function milliseconds(time: number): string {
  return `${(time * 1000).toFixed(1)} ms`;
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
