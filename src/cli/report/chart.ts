/** Draws a Vega specification as SVG text without a DOM: one look for all charts, small files, colours left to the page. */
import { type Axis, parse, type Scale, type Spec, View, Warn } from 'vega';
import { colour } from './palette.js';

const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

/** Size of a chart that takes half the page's width. */
export const frame = {
  width: 354,
  height: 190,
  padding: { left: 58, right: 18, top: 14, bottom: 42 },
} as const;

/** What a chart adds to the common frame. */
export type ChartSpec = Omit<Spec, '$schema' | 'config' | 'autosize'>;

const config: Spec['config'] = {
  axis: {
    domainColor: colour('faint'),
    gridColor: colour('line'),
    tickColor: colour('faint'),
    tickSize: 4,
    labelColor: colour('muted'),
    labelFontSize: 11,
    labelPadding: 4,
    titleColor: colour('muted'),
    titleFontSize: 11,
    titleFontWeight: 'normal',
    titlePadding: 8,
  },
};

/** The SVG of one chart; `description` is what a screen reader says. */
export async function drawChart(spec: ChartSpec, description: string): Promise<string> {
  const whole: Spec = { ...spec, config, autosize: 'none' };
  const view = new View(parse(whole), { renderer: 'none', logLevel: Warn });
  const svg = await view.toSVG();
  view.finalize();
  return tidy(svg, description);
}

/** Vega writes sixteen digits, a font on each text and a role on each mark: a page of many charts wants less. */
function tidy(svg: string, description: string): string {
  const [, viewBox] = /viewBox="([^"]+)"/.exec(svg)!;
  const [, , width, height] = viewBox.split(' ');
  const body = svg
    .slice(svg.indexOf('>') + 1)
    .replace(/ (?:role|aria-[a-z]+|class|font-family|pointer-events)="[^"]*"/g, '')
    .replace(
      /<path d="M0,0h[^"]*Z"(?: fill="none")?(?: fill-opacity="0")?(?: stroke-opacity="0")?><\/path>/g,
      '',
    )
    .replace(/<path d="" ?[^>]*><\/path>|<g><\/g>/g, '')
    .replace(/ (?:d|transform|x2?|y2?|width|height)="[^"]*"/g, rounded)
    .replace(/<g><\/g>/g, '');
  const label = escapeText(description);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${viewBox}" width="${width}" height="${height}" font-family='${font}' role="img" aria-label="${label}">${body}`;
}

/** An attribute with its numbers to a tenth of a pixel. */
function rounded(attribute: string): string {
  return attribute.replace(/-?\d+\.\d{2,}/g, (digits) => String(Math.round(Number(digits) * 10) / 10));
}

/** Text as it may stand in HTML and SVG, in attributes too. */
export function escapeText(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => names[character]);
}

/** A scale in powers of ten from `low` to `high`. */
export function logScale(name: string, range: 'width' | 'height', low: number, high: number): Scale {
  return { name, type: 'log', range, domain: [low, high], zero: false, clamp: true };
}

/** The ticks 1, 10, 100, ... inside an interval, with 2 and 5 between where fewer than three would show. */
export function decades(low: number, high: number): number[] {
  const ticks = (steps: number[]) =>
    Array.from({ length: 40 }, (_, i) => i - 20).flatMap((power) =>
      steps.map((step) => Number(`${step}e${power}`)).filter((x) => x >= low * 0.999 && x <= high * 1.001),
    );
  const plain = ticks([1]);
  return plain.length >= 3 ? plain : ticks([1, 2, 5]);
}

/** An axis whose title stands clear of its labels; horizontal grid lines only. */
export function axisAt(scale: string, orient: 'left' | 'bottom', title: string): Axis {
  if (orient === 'bottom') return { scale, orient, title };
  return { scale, orient, title, titleX: -44, grid: true, domain: false, ticks: false };
}

/** An axis of powers of ten: 0.001, 1, 1000. */
export function logAxis(
  scale: string,
  orient: 'left' | 'bottom',
  title: string,
  values: readonly number[],
): Axis {
  return { ...axisAt(scale, orient, title), values: [...values], format: '~r' };
}
