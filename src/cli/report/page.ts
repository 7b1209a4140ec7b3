/** The report: one HTML page with its pictures inside, no script, nothing fetched. */
import { percent, thousands } from '../text.js';
import { escapeText } from './chart.js';
import type { CrossedErrors, HeadFigures, ReportFigures, SelectorCurve } from './figures.js';
import { overviewChart, positionChart } from './position-chart.js';
import { scoreChart } from './score-chart.js';
import { selectorChart } from './selector-chart.js';
import { sizeChart } from './size-chart.js';
import { style } from './style.js';
import {
  acrossHeads,
  bestCurve,
  crossedAcrossHeads,
  realQueries,
  spanOf,
  spreadOf,
  summary,
} from './words.js';

const guaranteed = '<span class="tag guaranteed">guaranteed</span>';
const heuristic = '<span class="tag heuristic">heuristic, measured</span>';

/** More heads than this are drawn together, but not one by one: it bounds the page at about two megabytes. */
export const panelLimit = 48;

/** The page as text. */
export async function reportPage(figures: ReportFigures): Promise<string> {
  const { heads, epsilon } = figures;
  const shown = panelHeads(heads);
  const panels: string[] = [];
  for (const head of shown) panels.push(await panel(head, figures));
  const curves = acrossHeads(heads);
  const tails = acrossHeads(heads, 'tails');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(figures.title)}</title>
<style>
${style}
${shown.map((_, i) => `#h${i}:checked~.panels>:nth-child(${i + 1})`).join(',')}{display:block}
${shown.map((_, i) => `#h${i}:checked~.heads>:nth-child(${i + 1})`).join(',')}{background:var(--kept);border-color:var(--kept);color:var(--surface)}
${shown.map((_, i) => `#h${i}:focus-visible~.heads>:nth-child(${i + 1})`).join(',')}{outline:2px solid var(--kept);outline-offset:2px}
</style>
</head>
<body>
<main>
<h1>${escapeText(figures.title)}</h1>
<p class="source">${escapeText(figures.source)}</p>
<p class="lede">${escapeText(summary(figures).slice(0, 2).join(' '))}</p>
${tiles(figures)}

<h2>Which keys can ever be heavy${guaranteed}</h2>
<p>A key is <em>heavy</em> when some query gives it a share of at least ${epsilon} of that query's total weight
<code>(q&middot;k)&sup2;</code>. The set below holds every key that any query, real or not, can make heavy${heads.every(({ minimal }) => minimal) ? ', and no other' : ', and some that rounding leaves undecided'}.</p>
<div class="charts">
${figure(`${heads.length === 1 ? 'Keys that can be heavy' : 'Keys that can be heavy, one row a head'}`, 'Filled: the key is in the set. Empty: no query can give it the threshold.', await overviewChart(heads), 'wide')}
${figure('Size of the set against the threshold', heads.length === 1 ? 'Dashed: the bound that theory promises before looking at the keys.' : 'Line: the median head. Band: from the smallest to the largest. Dashed: what theory promises before looking at the keys.', await sizeChart(heads, epsilon))}
${figure('Sorted scores', heads.length === 1 ? 'The most that any query can give to each key.' : `The most that any query can give to each key: ${escapeText(medianHead(heads).label)}, whose set has the median size, before all the others.`, await scoreChart({ ...scoresOf(medianHead(heads), epsilon), others: shown.map(({ scores }) => scores) }))}
</div>

<h2>What attention over a few keys costs${heuristic}</h2>
<p>${costs(figures)}</p>
<div class="charts">
${figure('Error of the output', 'Relative to exact attention; lower is better. This is the figure to choose by.', await selectorChart(curves, 'error'))}
${figure('Mass kept', 'Higher looks better, but misleads where attention is flat: read the error first.', await selectorChart(curves, 'mass'))}
</div>
<p class="note" style="margin-top:10px">Means over heads and queries. <code>random</code> is the mean of ${figures.randomSeeds} seeds. <code>oracle</code> knows the true attention mass and cannot be had in practice.</p>
${errorTable(curves)}
<div class="charts">
${figure('Error with what stands in for the other keys', 'The number is that of all stored key-value pairs. drop: nothing stands in; sample: some of them, weighted; mean, moments: one pair or one Gaussian; clusters: weighted means.', await selectorChart(tails, 'error'), 'wide')}
</div>
${errorTable(tails)}
${crossedTable(crossedAcrossHeads(heads), figures.pickCount)}

<h2>Head by head</h2>
${shown.length < heads.length ? `<p class="note">${shown.length} of ${heads.length} heads, evenly spaced; the charts above are over all of them.</p>` : ''}
<div class="picker">
${shown.map((head, i) => `<input type="radio" name="head" id="h${i}" aria-label="${escapeText(head.label)}"${i === 0 ? ' checked' : ''}>`).join('\n')}
<div class="heads">${shown.map((head, i) => `<label for="h${i}">${escapeText(head.label)}</label>`).join('')}</div>
<div class="panels">
${panels.join('\n')}
</div>
</div>

<h2>How to read this</h2>
${words(figures)}
</main>
</body>
</html>
`;
}

function costs({ causal, prompt, queries, heads }: ReportFigures): string {
  const measured =
    queries.measured === queries.all ? 'every query' : `${queries.measured} of ${queries.all} queries`;
  const of = `on ${measured} of ${heads.length === 1 ? 'the head' : `all ${heads.length} heads`}`;
  if (!causal)
    return `Softmax attention over only the kept keys, compared with softmax attention over all of them. Leaving the others out is a heuristic: nothing bounds this error, so it is measured here, ${of}.`;
  return `As a cache is used: when the first ${prompt} positions are read, their keys are cut down to a few, and later queries attend to these and to every key since. Compared with softmax attention over all keys. Leaving keys out is a heuristic: nothing bounds this error, so it is measured here, ${of}, those that come last.`;
}

/** The heads that get a panel: all, or as many evenly spaced ones as the page may hold. */
export function panelHeads(heads: readonly HeadFigures[]): readonly HeadFigures[] {
  if (heads.length <= panelLimit) return heads;
  return Array.from({ length: panelLimit }, (_, i) => heads[Math.floor((i * heads.length) / panelLimit)]);
}

function figure(title: string, caption: string, svg: string, kind = ''): string {
  const drawing = kind === 'wide' ? `<div class="scroll">${svg}</div>` : svg;
  return `<figure${kind && ` class="${kind}"`}><h3>${title}</h3><figcaption>${caption}</figcaption>${drawing}</figure>`;
}

function scoresOf(head: HeadFigures, epsilon: number) {
  return { scores: head.scores, n: head.n, epsilon, kept: head.kept.length };
}

function medianHead(heads: readonly HeadFigures[]): HeadFigures {
  return [...heads].sort((a, b) => a.kept.length - b.kept.length)[Math.floor(heads.length / 2)];
}

/** The text with the tokens of the head's set marked; a line break of the text is one here. */
function markedText(tokens: readonly string[], kept: readonly number[]): string {
  const inside = new Set(kept);
  return tokens
    .map((token, j) => {
      const [, space, word] = /^( ?)(.*)$/s.exec(
        token.replace('<0x0A>', '\u21b5\n').replace(/^\n<s>\n$/, '\u25b8 '),
      )!;
      return inside.has(j) ? `${space}<mark>${escapeText(word)}</mark>` : escapeText(space + word);
    })
    .join('');
}

async function panel(head: HeadFigures, { epsilon, tokens, prompt }: ReportFigures): Promise<string> {
  const { kept, n, rank, sizeBound } = head;
  const { heavy } = realQueries([head]);
  return `<section class="panel" aria-label="${escapeText(head.label)}">
<p><strong>${escapeText(head.label)}</strong>: ${kept.length} of ${n} keys can be heavy (rank ${rank}, bound ${Math.floor(Math.min(n, sizeBound))});
the real queries do so ${heavy === 1 ? 'once' : `${thousands(heavy)} times`}.</p>
<div class="charts">
${figure('Sorted scores', 'The most that any query can give to each key.', await scoreChart(scoresOf(head, epsilon)))}
${figure('Size of the set against the threshold', 'Dashed: the bound rank / &epsilon;.', await sizeChart([head], epsilon))}
${figure('Error of the output', 'Against the number of keys kept.', await selectorChart(head.curves, 'error'))}
${figure('Mass kept', 'Share of the softmax mass on the kept keys.', await selectorChart(head.curves, 'mass'))}
${figure('Where the kept keys lie', `Top: every key's score by position. Below: the universal set, then ${head.picks[0]?.indices.length ?? 0} keys as each selector chooses them${prompt < n ? `; all from ${prompt} on are kept (grey)` : ''}.`, await positionChart(head, prompt), 'wide')}
${tokens ? figure('In the text', 'Marked: the tokens whose keys are in the universal set of this head.', `<p class="text">${markedText(tokens, kept)}</p>`, 'wide') : ''}
</div>
</section>`;
}

function tiles(figures: ReportFigures): string {
  const { heads, epsilon, pickCount } = figures;
  const sizes = spreadOf(heads.map((head) => head.kept.length));
  const bound = Math.floor(Math.max(...heads.map((head) => Math.min(head.n, head.sizeBound))));
  const { heavy, outside } = realQueries(heads);
  const curves = acrossHeads(heads);
  const best = bestCurve(curves, pickCount);
  const at = best.counts.indexOf(pickCount);
  const leverage = curves.find(({ selector }) => selector === 'leverage');
  const byLeverage = leverage && best !== leverage ? `; by leverage ${percent(leverage.error[at])}` : '';
  const n = Math.max(...heads.map((head) => head.n));
  const tile = (value: string, unit: string, text: string) =>
    `<div><dt>${text}</dt><dd>${value} <small>${unit}</small></dd></div>`;
  return `<dl class="tiles">
${tile(spanOf(sizes), `of ${n} keys`, `can ever reach a score of ${epsilon}${heads.length > 1 ? ', least to most over heads' : ''}`)}
${tile(String(bound), 'keys', 'at most, says theory: rank / &epsilon;')}
${tile(String(outside), `of ${thousands(heavy)}`, `real scores of ${epsilon} or more lie outside the set`)}
${tile(percent(best.error[at]), 'error', `of the output with ${pickCount} keys, best chosen by ${best.selector}${byLeverage}`)}
</dl>`;
}

function errorTable(curves: readonly SelectorCurve[]): string {
  const { counts } = curves[0];
  const row = ({ selector, error, mass }: SelectorCurve) =>
    `<tr><td>${escapeText(selector)}</td>${counts.map((_, i) => `<td>${percent(error[i])}</td><td>${percent(mass[i])}</td>`).join('')}</tr>`;
  return `<details><summary>The figures as a table</summary><div class="scroll"><table>
<tr><th>keys kept</th>${counts.map((count) => `<th>${count}: error</th><th>mass</th>`).join('')}</tr>
${curves.map(row).join('\n')}
</table></div></details>`;
}

function crossedTable({ tails, rows }: CrossedErrors, count: number): string {
  return `<details><summary>Every selector with every tail: error with ${count} stored pairs</summary><div class="scroll"><table>
<tr><th>selector</th>${tails.map((tail) => `<th>${tail}</th>`).join('')}</tr>
${rows.map(({ selector, errors }) => `<tr><td>${escapeText(selector)}</td>${errors.map((error) => `<td>${percent(error)}</td>`).join('')}</tr>`).join('\n')}
</table></div></details>`;
}

function words({ epsilon, heads }: ReportFigures): string {
  return `<dl class="words">
<dt>Score possible</dt>
<dd>For each key k, the supremum over all queries y of (y&middot;k)&sup2; / &Sigma;(y&middot;k&prime;)&sup2;: its leverage score. It depends on the keys alone, lies between 0 and 1, and over all keys sums to the rank.</dd>
<dt>Universal set</dt>
<dd>The keys whose score possible is at least &epsilon; = ${epsilon}. Every attention score of at least &epsilon;, for any queries whatever, lies on one of them${heads.every(({ minimal }) => minimal) ? ', and each of them is heavy for some query: the set is as small as it can be' : '. Keys that rounding leaves undecided are in the set'}.</dd>
<dt>Guaranteed ${guaranteed}</dt>
<dd>Proved for weights (q&middot;k)&sup2;, and computed with a margin for rounding: a key may be kept needlessly, never lost.</dd>
<dt>Heuristic ${heuristic}</dt>
<dd>Softmax over a subset of the keys. No set of keys is safe for softmax in general; whether leaving the others out does harm depends on the model, and is what the error measures.</dd>
<dt>Relative error</dt>
<dd>&Vert;output over kept keys &minus; exact output&Vert; / &Vert;exact output&Vert;. 0 is perfect; 100 % is as wrong as answering zero.</dd>
</dl>`;
}
