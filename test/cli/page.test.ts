/** The report in a browser: light and dark, wide and narrow, without network. */
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch } from '../browser/chromium.js';
import { type Workplace, workplace } from './cli.js';

let place: Workplace;
let browser: Browser;
let close: () => Promise<void>;

beforeAll(async () => {
  place = workplace();
  const { code } = await place.run(['report', 'q4.npy', 'k4.npy', 'v4.npy', '--causal', '-o', 'report.html']);
  expect(code).toBe(0);
  ({ browser, close } = await launch());
});
afterAll(async () => {
  await close?.();
  place?.remove();
});

test.each([
  ['light', 1180],
  ['dark', 1180],
  ['light', 390],
] as const)('%s, %i pixels wide', async (colorScheme, width) => {
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 800 } });
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  const url = pathToFileURL(place.path('report.html')).href;
  await page.goto(url);
  expect(requests).toEqual([url]);
  expect(complaints).toEqual([]);
  const seen = await page.evaluate(() => {
    const lightness = (color: string) =>
      (color.match(/\d+/g) ?? []).slice(0, 3).reduce((a, b) => a + Number(b), 0);
    const body = getComputedStyle(document.body);
    const visible = [...document.querySelectorAll('.panel')].filter(
      (panel) => panel.getClientRects().length > 0,
    );
    const text = document.querySelector('svg text')!;
    return {
      overflow: document.documentElement.scrollWidth - window.innerWidth,
      background: lightness(body.backgroundColor),
      ink: lightness(body.color),
      label: lightness(getComputedStyle(text).fill),
      panels: visible.map((panel) => panel.getAttribute('aria-label')),
    };
  });
  expect(seen.overflow).toBeLessThanOrEqual(0);
  expect(seen.panels).toEqual(['batch 0, head 0']);
  const [brighter, darker] =
    colorScheme === 'light' ? [seen.background, seen.ink] : [seen.ink, seen.background];
  expect(brighter - darker).toBeGreaterThan(500);
  expect(Math.abs(seen.label - seen.background)).toBeGreaterThan(200);
  await page.locator('.heads').getByText('batch 1, head 0', { exact: true }).click();
  await expect(page.getByRole('region', { name: 'batch 1, head 0' }).isVisible()).resolves.toBe(true);
  await expect(page.getByRole('region', { name: 'batch 0, head 0' }).count()).resolves.toBe(0);
  await page.close();
});
