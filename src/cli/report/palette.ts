/** The colours of every chart, once for light and once for dark surroundings; told apart by the colour-blind (after Okabe and Ito). */

/** Names of colours: charts say `var(--ink)`, the page defines it, a stand-alone picture replaces it. */
export const light = {
  surface: '#ffffff',
  ink: '#1d2430',
  muted: '#667085',
  line: '#e3e6eb',
  track: '#f1f3f6',
  faint: '#c3c9d3',
  kept: '#0b6bb0',
  wash: '#d6e8f6',
  bound: '#b4491f',
  leverage: '#0b6bb0',
  attention: '#1d2430',
  geometry: '#a84a86',
  norm: '#0a7f5f',
  position: '#b06a00',
} as const;

export type Colour = keyof typeof light;

export const dark: Record<Colour, string> = {
  surface: '#14181f',
  ink: '#e7eaf0',
  muted: '#98a2b3',
  line: '#2a313c',
  track: '#1e242d',
  faint: '#4a5463',
  kept: '#5cb3f0',
  wash: '#1d3a52',
  bound: '#ff9466',
  leverage: '#5cb3f0',
  attention: '#e7eaf0',
  geometry: '#e08cc0',
  norm: '#3fc79f',
  position: '#f0b04a',
};

/** A colour as the charts write it. */
export function colour(name: Colour): string {
  return `var(--${name})`;
}

/** The declarations that give a page its colours. */
export function declarations(palette: Record<Colour, string>): string {
  return Object.entries(palette)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');
}

/** A picture on its own background, with the colours written out for viewers that know no CSS variables. */
export function standAlone(svg: string, palette: Record<Colour, string>): string {
  const background = svg.replace('>', '><rect width="100%" height="100%" fill="var(--surface)"/>');
  return `${background.replace(/var\(--([a-z]+)\)/g, (_, name: Colour) => palette[name])}\n`;
}
